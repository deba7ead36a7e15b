"""Only an answer that is known to be whole gives a verdict, whatever the server calls its end."""

import json
import tomllib
from pathlib import Path

import pytest

from judge_agent.errors import ModelError
from judge_agent.models import OpenAIChatModel
from judge_agent.models.fake_server import FakeServer
from judge_agent.readouts import answer_text, read_object, read_tag
from judge_agent.seams.model import ChatMessage, Choice

pytestmark = pytest.mark.anyio
PROMPT = [ChatMessage("user", "Which is better?")]
CASES = tomllib.loads((Path(__file__).parent / "endings.toml").read_text("utf-8"))["case"]
LABELS = {"A": "[[A]]", "B": "[[B]]"}


def saying(content, finish_reason="stop", **message):
    def edited(answer):
        for choice in answer["choices"]:
            choice["finish_reason"] = finish_reason
            choice["message"] |= {"content": content, **message}
        return answer

    return edited


async def choice_of(edited, **options):
    async with FakeServer(edited=edited) as server, OpenAIChatModel(server.base_url) as model:
        return (await model.complete(PROMPT, **options)).choices[0]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['server']}: {case.get('word')}")
async def test_every_word_for_an_end_is_a_whole_answer_or_none(case):
    choice = await choice_of(saying("Work. [[A]]", case.get("word")))
    assert choice.finish_reason == case["end"]
    if case["whole"]:
        assert answer_text(choice) == "Work. [[A]]"
    else:
        with pytest.raises(ModelError) as caught:
            answer_text(choice)
        assert caught.value.failure_kind == "model_unparseable"


async def test_a_refused_end_is_named_so_that_the_operator_can_tell_the_server_from_the_judge():
    with pytest.raises(ModelError, match="'ran_out_of_luck'"):
        answer_text(await choice_of(saying("[[A]]", "ran_out_of_luck")))
    with pytest.raises(ModelError, match="finish_reason"):
        answer_text(await choice_of(saying("[[A]]", None)))


async def test_a_stream_whose_pieces_say_an_empty_finish_reason_is_not_over_with_the_first():
    choice = await choice_of(saying("Work. [[A]]", ""), keep_partial=True)
    assert (choice.content, choice.finish_reason) == ("Work. [[A]]", "deadline")


@pytest.mark.parametrize(
    "content",
    [
        "<think>hm</think> [[A]] is better. So </think> [[B]]",
        "I think</think> [[A]] is better. So </think> [[B]]",
        "<think>a <think> b </think> [[A]] c </think> [[B]]",
    ],
)
async def test_reasoning_that_ends_twice_gives_no_verdict(content):
    with pytest.raises(ModelError, match="twice"):
        read_tag(answer_text(await choice_of(saying(content))), LABELS)


async def test_reasoning_that_a_server_split_off_and_that_ends_once_more_gives_no_verdict():
    choice = await choice_of(saying("[[A]] is better. So </think> [[B]]", reasoning_content="hm"))
    with pytest.raises(ModelError, match="twice"):
        read_tag(answer_text(choice), LABELS)


async def test_a_stray_mark_with_nothing_before_it_hides_no_verdict():
    choice = await choice_of(saying("</think>\n\n[[B]]", reasoning_content="hm"))
    assert read_tag(answer_text(choice), LABELS) == "B"


@pytest.mark.parametrize(
    "content", ["[[A]]: it ends with `</think>`, not with [[B]]", "[[A]] <think>or</think> [[B]]"]
)
async def test_a_mark_that_is_quoted_or_opened_late_hides_no_earlier_verdict(content):
    with pytest.raises(ModelError):
        read_tag(answer_text(await choice_of(saying(content))), LABELS)


@pytest.mark.parametrize("reasoning", [None, "hm"])
async def test_an_object_may_quote_the_mark_that_ends_reasoning(reasoning):
    said = json.dumps({"reason": "it wrote </think> itself", "choice": "pass"})
    content = said if reasoning else f"<think>hm</think>\n{said}"
    choice = await choice_of(saying(content, reasoning_content=reasoning))
    assert choice.reasoning == "hm"
    assert read_object(choice, verdict=("choice",))["choice"] == "pass"


def test_a_choice_that_no_server_made_is_held_to_the_same_words():
    assert answer_text(Choice("[[A]]", "end-turn")) == "[[A]]"
    with pytest.raises(ModelError):
        answer_text(Choice("[[A]]", "Max_Tokens"))
