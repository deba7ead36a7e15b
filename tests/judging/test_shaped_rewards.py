"""Shaped rewards in a judgment: what is asked, what the record says, and what is remembered for others."""

from __future__ import annotations

import shutil

import pytest

from judge_agent.errors import InvalidRequest
from judge_agent.models.scripted import ScriptedModel
from judge_agent.prompting import PromptLibrary, default_folder
from judge_agent.schema import JudgmentRequest
from tests.judging.test_when_sampling_ends import RECIPE, written

pytestmark = pytest.mark.anyio
TEXTS = {
    "low": "It is forty, I think.",
    "mid": "It is forty-one, I think.",
    "high": "It is forty-two, I think.",
}
SCORES = {"forty-two": 9, "forty-one": 6, "forty": 3}


def by_text(request):
    """The number of the answer that the prompt shows; none for one that must fail."""
    number = next((score for word, score in SCORES.items() if f"{word}, I" in request.text), None)
    return "nothing" if number is None else f"Work: it is worth {number}.\n<score>{number}</score>"


def candidates(*names: str) -> list[dict]:
    texts = TEXTS | {"broken": "No idea, I am afraid."}
    return [{"id": name, "trajectory": {"text": texts[name]}} for name in names]


@pytest.fixture
def judge(bench, tmp_path):
    def make(more: str = "") -> object:
        shutil.copytree(default_folder(), tmp_path / "prompts")
        text = written(RECIPE, "count = 1", more=more)
        (tmp_path / "prompts" / "recipes" / "sampled.toml").write_text(text, "utf-8")
        return bench(ScriptedModel(otherwise=by_text), prompts=PromptLibrary(tmp_path / "prompts"))

    return make


def body(*names: str, **more) -> dict:
    return {"recipe": "sampled", "candidates": candidates(*names)} | more


async def test_the_raw_reward_stands_beside_the_shaped_one(judge) -> None:
    judgment = await judge().judge(**body("low", "high", "broken", "mid", shape="rank"))
    found = {one.id: (one.raw_reward, one.reward) for one in judgment.candidates}
    assert found == {"low": (0.3, 0.0), "high": (0.9, 1.0), "broken": (None, None), "mid": (0.6, 0.5)}
    assert judgment.candidates[2].status == "unscored"
    [told] = judgment.flags["shape"]
    assert told == {
        "kind": "rank",
        "counted": 3,
        "mean": pytest.approx(0.6),
        "std": pytest.approx(0.2449, abs=1e-4),
    }
    assert judgment.ranking == (("high",), ("mid",), ("low",))
    assert all(
        one.reward_bounds == (one.raw_reward, one.raw_reward) for one in judgment.candidates if one.reward
    )


async def test_without_a_shape_both_are_equal(judge) -> None:
    judgment = await judge().judge(**body("low", "high", "broken"))
    assert [one.raw_reward for one in judgment.candidates] == [0.3, 0.9, None]
    assert [one.reward for one in judgment.candidates] == [0.3, 0.9, None]
    assert "shape" not in judgment.flags


async def test_what_is_remembered_is_raw_and_is_shaped_among_the_peers_of_each_post(judge) -> None:
    judging = judge()
    first = await judging.judge(judgment_id="j1", **body("low", "high", shape="z"))
    asked = len(judging.prompts)
    again = await judging.judge(judgment_id="j2", **body("low", "high", shape="z"))
    other = await judging.judge(judgment_id="j3", **body("high", shape=["rank"]))
    plain = await judging.judge(judgment_id="j4", **body("high", "low"))
    assert len(judging.prompts) == asked, "the shape is no part of what is judged"
    assert [one.reward for one in first.candidates] == pytest.approx([-1.0, 1.0])
    assert again.candidates == first.candidates
    assert (again.cached_from, again.flags["shape"]) == ("j1", first.flags["shape"])
    assert [one.reward for one in other.candidates] == [0.5]
    assert [one.reward for one in plain.candidates] == [0.9, 0.3]


async def test_twins_share_a_place(judge) -> None:
    group = [*candidates("low", "high"), {"id": "twin", "trajectory": {"text": TEXTS["high"]}}]
    judgment = await judge().judge(recipe="sampled", candidates=group, shape="rank")
    assert {one.id: one.reward for one in judgment.candidates} == {"low": 0.0, "high": 0.75, "twin": 0.75}
    assert judgment.ranking == (("high", "twin"), ("low",))


async def test_a_recipe_may_name_a_shape_and_a_request_may_say_otherwise(judge) -> None:
    judging = judge('shape = ["rank"]\n')
    assert [one.reward for one in (await judging.judge(**body("low", "high"))).candidates] == [0.0, 1.0]
    plain = await judging.judge(judgment_id="j2", **body("low", "high", shape=[]))
    assert [one.reward for one in plain.candidates] == [0.3, 0.9]
    shaped = await judging.judge(judgment_id="j3", **body("low", "high", shape={"kind": "z", "ddof": 1}))
    assert shaped.candidates[1].reward == pytest.approx(0.7071, abs=1e-4)


async def test_dimensions_are_weighed_as_the_request_says(judge) -> None:
    weighed = {"kind": "dimensions", "weights": {"quality": 2.0}}
    judgment = await judge().judge(**body("low", "high", "mid", "broken", shape=weighed))
    assert [one.reward for one in judgment.candidates] == [
        pytest.approx(-1.2247, abs=1e-4),
        pytest.approx(1.2247, abs=1e-4),
        pytest.approx(0.0),
        None,
    ]
    assert judgment.flags["shape"][0]["dimensions"]["quality"]["counted"] == 3


async def test_the_log_has_both_rewards(judge) -> None:
    judging = judge()
    await judging.judge(**body("low", "high", shape="rank"))
    [done] = [event for event in judging.log.events if event.type == "judgment.done"]
    assert [(one["raw_reward"], one["reward"]) for one in done.fields["candidates"]] == [
        (0.3, 0.0),
        (0.9, 1.0),
    ]


@pytest.mark.parametrize(
    "shape",
    [
        "pars",
        {"kind": "pars"},
        ["rank", "nonesuch"],
        {"kind": 3},
        {"ddof": 1},
        7,
        {"kind": "z", "ddof": 2},
        ["z"] * 5,
    ],
    ids=str,
)
async def test_a_shape_that_is_none_is_refused_by_the_field(shape) -> None:
    with pytest.raises(ValueError, match="shape") as refused:
        JudgmentRequest.model_validate(body("low", shape=shape) | {"task": {"prompt": "x"}})
    if isinstance(shape, str):
        assert all(kind in str(refused.value) for kind in ("rank", "z", "difficulty", "dimensions"))


def agent(*results: str) -> dict:
    """A trajectory of one call for each result, and an end."""
    messages: list[dict] = [{"role": "user", "content": "Find the number."}]
    for place, result in enumerate(results):
        function = {"name": "look", "arguments": "{}"}
        messages.append(
            {
                "role": "assistant",
                "tool_calls": [{"id": f"c{place}", "type": "function", "function": function}],
            }
        )
        messages.append({"role": "tool", "tool_call_id": f"c{place}", "content": result})
    return {"messages": [*messages, {"role": "assistant", "content": "It is forty-two, I think."}]}


async def test_each_judged_step_is_paid_by_the_chain_that_is_asked_for(bench) -> None:
    judging = bench()
    given = {"candidates": [{"id": "a", "trajectory": agent("seen", "again")}]}
    rule = [{"name": "right", "description": "It is right."}]
    plain = await judging.judge(judgment_id="j1", principles=rule, **given)
    chain = [{"kind": "delta", "against": "next"}, "gate"]
    paid = await judging.judge(judgment_id="j2", principles=rule, step_credit=chain, **given)
    assert paid.cached_from == "j1"
    assert {step.credit for step in plain.candidates[0].steps} == {None}
    scores = [step.score for step in paid.candidates[0].steps]
    assert scores == [1.0, 1.0, 1.0]
    reward = paid.candidates[0].reward
    assert reward is not None
    expected = [0.0, 0.0, 1.0 if reward >= 0.5 else 0.0]
    assert [step.credit for step in paid.candidates[0].steps] == expected
    assert [one["kind"] for one in paid.flags["step_credit"]] == ["delta", "gate"]


@pytest.mark.parametrize("asked", [{"step_credit": "delta"}, {"shape": "process"}], ids=str)
async def test_what_reads_steps_is_refused_where_no_step_is_judged(judge, asked) -> None:
    with pytest.raises(InvalidRequest, match="granularity"):
        judge().check(**body("low", **asked))


async def test_a_length_past_the_limit_costs_reward(judge) -> None:
    shape = {"kind": "soft_length", "max_chars": 24, "buffer_chars": 4, "weight": 0.5}
    judgment = await judge().judge(**body("low", "high", shape=shape))
    found = {one.id: (one.coverage.written_chars, one.reward) for one in judgment.candidates}
    assert found == {"low": (21, pytest.approx(0.3 - 0.125)), "high": (25, pytest.approx(0.4))}


async def test_a_direction_names_declared_dimensions_only(judge) -> None:
    with pytest.raises(InvalidRequest, match="'beauty' is not among"):
        judge().check(**body("low", shape={"kind": "direction", "weights": {"beauty": 1.0}}))
