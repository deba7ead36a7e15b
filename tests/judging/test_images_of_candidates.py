"""Pictures in what is judged: shown to a model that takes them, said to be unread to one that does not."""

from __future__ import annotations

import base64
import struct
import tomllib
from pathlib import Path

import pytest

from judge_agent.errors import InvalidRequest
from judge_agent.models import ScriptedModel

pytestmark = pytest.mark.anyio
RULE = [{"name": "right", "description": "The picture shows a cat."}]
HARD = [{"name": "right", "description": "The picture shows a cat.", "kind": "hard"}]
FORMS = tomllib.loads((Path(__file__).parent / "data" / "image_forms.toml").read_text("utf-8"))["forms"]


def png(width=1, height=1, tail=b""):
    return (
        b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + struct.pack(">II", width, height) + b"\x08\x02\0\0\0" + tail
    )


def url(content, media_type="image/png"):
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"


def part(address):
    return {"type": "image_url", "image_url": {"url": address}}


def said(*parts, role="assistant"):
    return {
        "role": role,
        "content": [{"type": "text", "text": p} if isinstance(p, str) else p for p in parts],
    }


def shown(judge):
    """The pictures of every prompt, by their hash, as the model got them."""
    return [[image.sha256 for m in r.messages for image in m.images] for r in judge.model.requests]


SEEING = {"granularity": ["outcome"], "principles": RULE}


async def test_pictures_stand_where_they_were_and_come_in_the_order_of_their_names(bench):
    judge = bench(ScriptedModel(images=True))
    messages = [
        said("What is this?", part(url(png(1))), role="user"),
        said("First", part(url(png(2))), "and again", part(url(png(1))), "end."),
    ]
    result = await judge.one(messages=messages, **SEEING)
    assert (
        "[m1] agent, step s1: First\n    [image i2]\n    and again\n    [image i1]\n    end."
        in judge.prompts[0]
    )
    assert "The images are attached in this order: i1, i2." in judge.prompts[0]
    assert [len(images) for images in shown(judge)] == [2]
    assert not [line for line in result.coverage.unread if line.startswith("images")]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form["name"])
async def test_a_picture_is_read_in_every_clients_form_and_never_fetched(bench, form):
    judge = bench(ScriptedModel(images=True))
    result = await judge.one(messages=[said("Look:", dict(form["part"]))], **SEEING)
    assert [len(images) for images in shown(judge)] == [1 if form["read"] else 0]
    images = [line for line in result.coverage.unread if line.startswith("images: 1")]
    assert bool(images) is not form["read"]
    assert form.get("says", "") in "".join(images)


async def test_a_model_without_eyes_judges_the_words_and_the_record_says_what_it_did_not_see(bench):
    judge = bench(ScriptedModel())
    result = await judge.one(messages=[said("A cat:", part(url(png())), part(url(png(2))))], **SEEING)
    assert result.status == "scored"
    assert "images: 2 not shown to the model" in result.coverage.unread
    assert "[image, not shown to the model]" in judge.prompts[0]
    assert shown(judge) == [[]]


@pytest.mark.parametrize(
    "trajectory",
    [
        {"messages": [said(part(url(png())))]},
        {"messages": [said("Draw a cat.", role="user"), said(part(url(png())), " ")]},
        {"artifacts": [{"name": "cat.png", "kind": "image", "content": url(png())}]},
        {"artifacts": [{"name": "cat.png", "kind": "file", "content": url(png())}], "final_answer": ""},
    ],
    ids=["a turn", "after the task", "an artifact", "a file"],
)
@pytest.mark.parametrize("recipe", ["default", "round-robin"])
async def test_what_is_images_alone_is_unscored_by_a_model_without_eyes_and_costs_no_call(
    bench, trajectory, recipe
):
    body = {
        "candidates": [{"id": "a", "trajectory": trajectory}, {"id": "b", "trajectory": {"text": "A cat."}}]
    }
    principles = RULE if recipe == "default" else None
    judge = bench(
        ScriptedModel(otherwise='{"reason": "seen", "citations": [], "choice": "5", "winner": "A"}')
    )
    judgment = await judge.judge(**body, principles=principles, recipe=recipe, granularity=["outcome"])
    first = judgment.candidates[0]
    assert (first.status, first.reward, first.failure_kind) == ("unscored", None, "tool_unavailable")
    assert "images" in first.failure_reason
    assert judgment.usage.model_calls == (1 if recipe == "default" else 0)
    assert not any("[image" in prompt for prompt in judge.prompts)
    seeing = bench(ScriptedModel(images=True))
    found = await seeing.judge(**body, principles=principles, recipe=recipe, granularity=["outcome"])
    assert found.candidates[0].status == "scored"
    assert any(images for images in shown(seeing))


async def test_one_that_cannot_be_seen_costs_the_others_no_comparison(bench):
    candidates = [{"id": name, "trajectory": {"text": f"A cat, says {name}."}} for name in ("b", "c")]
    candidates.append({"id": "a", "trajectory": {"messages": [said(part(url(png())))]}})
    judgment = await bench().judge(candidates=candidates, recipe="round-robin")
    found = {candidate.id: (candidate.status, candidate.failure_kind) for candidate in judgment.candidates}
    assert found == {"a": ("unscored", "tool_unavailable"), "b": ("scored", None), "c": ("scored", None)}
    assert judgment.usage.model_calls == 2


async def test_steps_that_are_images_alone_stay_unjudged_with_the_reason(bench):
    result = await bench().one(messages=[said(part(url(png())))], principles=RULE)
    assert [(step.label, "images" in step.reason) for step in result.steps] == [("unjudged", True)]


async def test_a_step_of_words_is_judged_beside_one_of_images_alone(bench):
    messages = [said(part(url(png()))), said("A cat."), said("Look:", part(url(png(2))))]
    result = await bench().one(messages=messages, principles=RULE)
    assert [step.label for step in result.steps] == ["unjudged", "good", "good"]
    assert "images alone" in result.steps[0].reason


async def test_steps_past_the_window_come_with_the_pictures_of_their_own_view(bench):
    messages = [said(f"Picture {size}: " + "x" * 3000, part(url(png(size)))) for size in range(1, 31)]
    judge = bench(ScriptedModel(images=True, context_window=8000))
    result = await judge.one(messages=messages, principles=RULE)
    assert all(step.label == "good" for step in result.steps)
    for request in judge.model.requests:
        order = request.text.rpartition("attached in this order: ")[2].partition(".")[0].split(", ")
        assert 4 <= len(order) < 10
        assert len(shown_of(request)) == len(order)
        assert all(f"[image {name}]" in request.text for name in order)


def shown_of(request):
    return [image for message in request.messages for image in message.images]


async def test_beside_each_other_the_pictures_of_two_candidates_have_names_of_their_own(bench):
    judge = bench(ScriptedModel(images=True))
    task = {"messages": [said("Draw this:", part(url(png(9))), role="user")]}
    candidates = [
        {"id": name, "trajectory": {"messages": [said(part(url(png(size))))]}}
        for name, size in (("a", 1), ("b", 2))
    ]
    await judge.judge(task=task, candidates=candidates, recipe="round-robin")
    prompt = judge.prompts[0]
    assert "[image i1]" in prompt
    assert "[image A.i2]" in prompt
    assert "[image B.i2]" in prompt
    assert [len(images) for images in shown(judge)] == [3, 3]


@pytest.mark.parametrize("quote", ["[image i1]", " [image i1]\n[image i2] ", "[image A.i1][image i2]"])
async def test_an_image_cannot_be_quoted_and_bears_no_hard_pass(bench, quote):
    quoting = {"reason": "I see it", "citations": [{"source": "m2", "quote": quote}], "choice": "pass"}
    call = {"id": "c", "type": "function", "function": {"name": "draw", "arguments": "{}"}}
    messages = [
        {"role": "user", "content": "Draw."},
        {"role": "assistant", "content": "Drawing.", "tool_calls": [call]},
        {**said(part(url(png(1))), part(url(png(2))), role="tool"), "tool_call_id": "c"},
    ]
    judge = bench(ScriptedModel(otherwise=quoting, images=True))
    found = (await judge.one(messages=messages, principles=HARD, granularity=["outcome"])).principles[0]
    assert (found.score, found.failure_kind) == (None, "evidence_unsupported")
    assert "an image cannot be quoted" in judge.prompts[-1]


@pytest.mark.parametrize(
    ("parts", "field", "limit"),
    [
        ([part(url(png(tail=b"x" * 5_000_000)))], "content.0", "5000000"),
        ([part(url(png(100_000, 100_000)))], "content.0", "40000000"),
        (["text", part(url(png(2**31, 1)))], "content.1", "40000000"),
        ([part(url(png(size + 1))) for size in range(33)], "content.32", "32"),
        ([part("data:image/png;base64," + "A" * 9_000_000)], "content.0", "5000000"),
    ],
    ids=["bytes", "pixels", "one side", "count", "no picture at all"],
)
async def test_a_picture_past_a_limit_is_refused_with_field_value_and_limit(bench, parts, field, limit):
    messages = [{"role": "user", "content": "Draw."}, said(*parts)]
    with pytest.raises(InvalidRequest, match=limit) as caught:
        bench().check(messages=messages)
    assert caught.value.field == f"candidates.0.trajectory.messages.1.{field}"


@pytest.mark.parametrize("images", [True, False])
async def test_principles_are_proposed_with_the_pictures_of_the_task_in_view(bench, images):
    task = {"messages": [said("Describe this.", part(url(png())), role="user")]}
    judge = bench(ScriptedModel(images=images))
    candidates = [{"id": "a", "trajectory": {"text": "It is a cat on a mat."}}]
    await judge.judge(task=task, candidates=candidates, granularity=["outcome"])
    assert len(shown(judge)[0]) == images
    assert ("[image i1]" in judge.prompts[0]) is images


async def test_too_large_an_artifact_is_refused_by_its_field(bench):
    artifact = {"name": "cat.png", "kind": "image", "content": url(png(10_000, 10_000))}
    with pytest.raises(InvalidRequest, match="10000 x 10000") as caught:
        bench().check(candidates=[{"id": "a", "trajectory": {"artifacts": [artifact]}}])
    assert caught.value.field == "candidates.0.trajectory.artifacts.0.content"


async def test_a_user_who_shows_a_picture_makes_no_content_of_an_empty_answer(bench):
    messages = [said("What is this?", part(url(png())), role="user"), said("Solution:")]
    result = await bench().one(messages=messages, **SEEING)
    assert (result.reward, result.flags.get("content_free")) == (0.0, True)


async def test_two_tasks_of_equal_words_and_other_pictures_are_both_shown(bench):
    judge = bench(ScriptedModel(images=True))
    asked = {"messages": [said("Look.", part(url(png(1))), role="user")]}
    messages = [said("Look.", part(url(png(2))), role="user"), said("I looked at it.")]
    await judge.judge(task=asked, candidates=[{"id": "a", "trajectory": {"messages": messages}}], **SEEING)
    assert [len(images) for images in shown(judge)] == [2]
    assert "(the task, as above)" not in judge.prompts[0]
