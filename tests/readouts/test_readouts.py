"""Every readout reads what is said and refuses what is not: raw outputs of models, with the expected parse."""

from __future__ import annotations

import json
import math
import time
import tomllib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judge_agent.errors import ModelError
from judge_agent.readouts import (
    READOUTS,
    likelihood,
    ordinal,
    read_boxed_index,
    read_boxed_numbers,
    read_choice,
    read_focus,
    read_input,
    read_marks,
    read_object,
    read_profile,
    read_ranking,
    read_rubric,
    read_scores_tag,
    read_sections,
    read_step,
    read_tag,
    read_written_call,
    yes_probability,
)
from judge_agent.readouts.answer import MAX_ANSWER_CHARS
from judge_agent.readouts.probabilities import NO, YES, TopLogprobs
from judge_agent.readouts.react import FinishStep, ToolStep
from judge_agent.seams.model import Choice, TokenLogprob

Case = dict[str, Any]
FOLDER = Path(__file__).parent
RANKING_SCORE = ("[The Begin of Ranking Score]", "[The End of Ranking Score]")
LABELS = {"A": "[[A]]", "B": "[[B]]", "tie": "[[Tie]]"}


def cases_of(name: str) -> list[Case]:
    data = tomllib.loads((FOLDER / f"{name}.toml").read_text("utf-8"))
    shared = {key: value for key, value in data.items() if key != "case"}
    return [{**shared, **case} for case in data["case"]]


CASES = {readout.name: cases_of(readout.name) for readout in READOUTS}
ALL = [pytest.param(name, case, id=f"{name}: {case['name']}") for name in CASES for case in CASES[name]]


def json_choice(case: Case) -> object:
    answer = Choice(case.get("text"), case.get("finish_reason", "stop"))
    return read_choice(read_object(answer, verdict=("choice",)), "choice", ("fail", "pass"))


def tag(case: Case) -> object:
    options = {key: case[key] for key in ("tail_chars", "wrapper") if key in case}
    return read_tag(case.get("text"), case.get("labels", LABELS), **options)


def scores_tag(case: Case) -> object:
    scale = (case.get("low", 0.0), case.get("high", 10.0))
    return read_scores_tag(case.get("text"), *scale, tag=case.get("tag", "score"))


def boxed(case: Case) -> object:
    between = (case["begin"], case["end"]) if "begin" in case else None
    return list(read_boxed_numbers(case.get("text"), case.get("count", 2), 1, 10, between=between))


def boxed_index(case: Case) -> object:
    between = RANKING_SCORE if case.get("markers") else None
    return read_boxed_index(case.get("text"), case.get("choices", 2), between=between)


def focus(case: Case) -> object:
    text = case.get("text")
    if text is not None:
        text = text.replace("HEAD", case["head"]).replace("BLOCKS", case["blocks"])
    found = read_focus(text, 2)
    assert list(found.issues) == case.get("issues", list(found.issues))
    return list(found.abilities)


def ranking(case: Case) -> object:
    found = read_ranking(case.get("text"), ("model-1", "model-2", "model-3"), 1, 5)
    assert (list(found.order), found.consistent) == (case["order"], case["consistent"])
    return found.scores


def react(case: Case) -> object:
    step = read_step(case.get("text"), ("Calculator", "Code", "WikiSearch"), -1.0, 1.0)
    return [step.tool, step.argument] if isinstance(step, ToolStep) else step.score


def sections(case: Case) -> object:
    return read_sections(case.get("text"), case["patterns"])


def top_of(case: Case) -> TopLogprobs:
    pairs = case.get("logprobs") or [[token, math.log(share)] for token, share in case["top"]]
    top = tuple((str(token), float(logprob)) for token, logprob in pairs)
    if "sampled" not in case:
        return top
    token, share = case["sampled"]
    return TokenLogprob(token, math.log(share), top)


def p_yes(case: Case) -> object:
    found = yes_probability(top_of(case), case.get("yes", YES), case.get("no", NO))
    assert found.menu_mass == pytest.approx(case["mass"], abs=1e-4)
    assert math.isfinite(found.margin)
    assert found.margin == 0.0 or (found.margin > 0.0) == (found.p_yes > 0.5)
    return pytest.approx(found.p_yes, abs=1e-4)


def ratings(case: Case) -> object:
    found = ordinal(top_of(case), case.get("labels", ["1", "2", "3", "4", "5"]))
    assert math.fsum(found.distribution.values()) == pytest.approx(1.0)
    for key, value in (("variance", found.variance), ("entropy", found.entropy), ("mass", found.menu_mass)):
        assert value == pytest.approx(case.get(key, value), abs=1e-9)
    return pytest.approx(found.expected)


def of_continuation(case: Case) -> object:
    tokens, alone = (
        tuple(TokenLogprob(token, logprob) for token, logprob in case[key]) if key in case else None
        for key in ("tokens", "alone")
    )
    found = likelihood(tokens or (), alone)
    assert 0.0 <= found.gain <= found.probability <= 1.0
    for key in ("mean", "pmi", "pmi_mean", "probability", "gain"):
        if key in case:
            assert getattr(found, key) == pytest.approx(case[key])
    return pytest.approx(found.total)


def answer_of(case: Case) -> Choice:
    return Choice(case.get("text"), case.get("finish_reason", "stop"))


def rubric(case: Case) -> object:
    kinds = {"hard_rule": "hard_rule", "principle": "principle"}
    return [
        [one.kind, one.text] for one in read_rubric(answer_of(case), kinds, 3, case.get("differences", 0))
    ]


RESPONSES = {
    "A": "Water boils at 100 degrees at sea level, and lower on a mountain.",
    "B": "Water always boils at 100 degrees, wherever you are.",
}


def profile(case: Case) -> object:
    return [[one.dimension, *one.quotes.values()] for one in read_profile(answer_of(case), RESPONSES, 3)]


def marks(case: Case) -> object:
    found = read_marks(answer_of(case), [True, False], ("A", "B"), winners=case["winners"])
    return [*map(list, found.marks), found.winner or ""]


def written_calls(case: Case) -> object:
    found = read_written_call(case.get("text"), case["form"])
    if found is None:
        raise ModelError("model_unparseable", "no call")
    return [found.tool, found.arguments, found.response]


READ: dict[str, Callable[[Case], object]] = {
    "json": json_choice,
    "tag": tag,
    "scores_tag": scores_tag,
    "boxed": boxed,
    "boxed_index": boxed_index,
    "focus": focus,
    "ranking": ranking,
    "react": react,
    "sections": sections,
    "yes_probability": p_yes,
    "ordinal": ratings,
    "likelihood": of_continuation,
    "rubric": rubric,
    "profile": profile,
    "marks": marks,
    "written_calls": written_calls,
}


@pytest.mark.parametrize(("name", "case"), ALL)
def test_an_output_is_read_or_refused_for_what_is_wrong_with_it(name: str, case: Case) -> None:
    if "fails" not in case:
        assert READ[name](case) == case["expected"]
        return
    with pytest.raises(ModelError) as error:
        READ[name](case)
    assert error.value.failure_kind == "model_unparseable"
    assert case["fails"] in str(error.value)


@pytest.mark.parametrize("name", CASES)
def test_every_readout_has_its_cases_and_half_of_them_must_not_parse(name: str) -> None:
    malformed = sum("fails" in case for case in CASES[name])
    assert len(CASES[name]) >= 20
    assert malformed * 2 >= len(CASES[name])
    assert len({case["name"] for case in CASES[name]}) == len(CASES[name])


TEXTS = {
    name: read
    for name, read in READ.items()
    if "tokens" not in CASES[name][0] and "top" not in CASES[name][0]
}
OPTIONS = {"tail_chars", "wrapper", "labels", "tag", "low", "high", "count", "begin", "markers", "choices"}
PLAIN = {
    name: [case for case in CASES[name] if "fails" not in case and not OPTIONS & set(case)] for name in TEXTS
}
TWO = [
    pytest.param(name, one, other, id=f"{name}: {one['name']} + {other['name']}")
    for name in TEXTS
    # Parts are no verdict: a second one is read with the first. What stands behind a call is made up, and not read.
    if name not in ("sections", "written_calls")
    for one in PLAIN[name]
    for other in PLAIN[name]
    if one["expected"] != other["expected"] and "</think>" not in other["text"].lower()
]


@pytest.mark.parametrize(("name", "one", "other"), TWO)
def test_a_second_answer_behind_the_first_leaves_neither(name: str, one: Case, other: Case) -> None:
    with pytest.raises(ModelError):
        READ[name]({**one, "text": f"{one['text']}\n\n{other['text']}"})


@pytest.mark.parametrize("name", TEXTS)
def test_a_verdict_inside_the_reasoning_is_none(name: str) -> None:
    for case in PLAIN[name]:
        if "</think>" not in case["text"]:
            for text in (f"<think>{case['text']}</think>", f"<thinking>{case['text']}</thinking> So it is."):
                with pytest.raises(ModelError):
                    READ[name]({**case, "text": text})


BOMBS = {
    "boxes": "\\boxed{" * 30_000,
    "closed boxes": "\\boxed{1}" * 20_000,
    "braces": "{" * 199_000,
    "nested lists": '{"a":' + "[" * 190_000,
    "think tags": "<think>" * 28_000,
    "closing think tags": "</think>" * 24_000,
    "answers": "<answer>" * 24_000 + "</answer>",
    "scores": "<score>" * 27_000 + "</score>",
    "brackets": "[[" * 99_000,
    "labels": "[[A" * 60_000,
    "commas": "{" + ", " * 99_000,
    "spaces": "Action:" + " " * 190_000,
    "input": "Action Input: " * 14_000,
    "actions": "\nAction :" * 20_000,
    "markers": "[Quality Assessment Focus]" * 7_000,
    "issues": "[Quality Analysis for Response 1]" * 6_000,
    "blank issues": "HEAD[Quality Analysis for Response 1]"
    + " " * 190_000
    + "[End of Quality Analysis for Response 1]"
    "[Quality Analysis for Response 2]" + "*" * 9_000,
    "white space": "\n " * 99_000 + "x",
    "white space in a line": "[[" + "\t" * 190_000 + "x",
    "late colons": ("Action" + " " * 900) * 200,
    "late braces": ("\\boxed" + " " * 900) * 200,
    "late brackets": "{" + ("," + " " * 900) * 200,
    "late numbers": "<score>" + " " * 190_000 + "7 8</score>",
    "digits": "\\boxed{" + "1" * 190_000 + "}",
    "dots": "<score>1." + "0" * 190_000 + "</score>",
    "remarks": "[[A]] \\boxed{8, 5} <score>7</score> <answer>[[A]]</answer>" + "verdict " * 20_000,
    "decisions": "[[A]] \\boxed{8, 5} <answer>[[A]]</answer>" + "verdict" + ": " * 80_000,
    "blank decisions": "[[A]] <score>7</score> <answer>[[A]]</answer>" + ("score" + " " * 90) * 2_000,
    "labels with spaces": "[[A]] " + "[[ A ]] " * 20_000 + '[["A"]] ' * 4_000,
    "half labels": "[[A]] " + ("[[ A" + " " * 90) * 2_000,
    "nearly boxes": "\\boxed{8, 5}" + "\\fbox{x 1 2; }" * 480,
    "wrappers with attributes": "<answer>[[A]]</answer>" + "<answer a>x" * 15_000,
    "styles": "\\boxed{" + "\\text{" * 60 + "}" * 60 + "}",
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_text_that_is_made_to_take_long_does_not(bomb: str) -> None:
    started = time.process_time()
    for name, read in TEXTS.items():
        with suppress(ModelError):
            read({**CASES[name][0], "text": BOMBS[bomb], "wrapper": "answer"})
    assert time.process_time() - started < 2.0


def test_a_text_over_the_limit_is_refused_before_it_is_read() -> None:
    for name, read in TEXTS.items():
        with pytest.raises(ModelError, match=str(MAX_ANSWER_CHARS)):
            read({**CASES[name][0], "text": "x" * (MAX_ANSWER_CHARS + 1)})


@settings(deadline=None)
@given(
    st.text(alphabet=st.sampled_from(list("<>/think[]AB{}\\boxed,0123456789 \n:\"'scoreansw")), max_size=60)
)
def test_whatever_is_written_a_text_is_read_or_refused(text: str) -> None:
    for name, read in TEXTS.items():
        if name != "ranking":
            with suppress(ModelError):
                read({**CASES[name][0], "text": text})


def test_without_a_range_the_end_of_react_is_what_was_said() -> None:
    said = read_step("Thought: enough\nAction: Finish\nAction Input: It is right: 4.", ("Code",))
    assert said == FinishStep("enough", None, "It is right: 4.")


@settings(deadline=None)
@given(st.text(alphabet=st.sampled_from(list('{}[]"`\\:,jsonu0dé9eE+-. \n')), max_size=40))
@pytest.mark.parametrize("required", [["code"], ["code", "name"], []])
def test_whatever_is_given_to_a_tool_is_an_object_of_plain_json_or_refused(
    required: list[str], text: str
) -> None:
    parameters = {"type": "object", "properties": {"code": {"type": "string"}}, "required": required}
    with suppress(ModelError):
        given = json.loads(read_input(text, parameters), parse_constant=pytest.fail)
        assert isinstance(given, dict)


@pytest.mark.parametrize(
    "bomb", ["[" * 190_000, '{"a":' * 60_000, '{"a": ' + "9" * 190_000 + "}", "`" * 190_000]
)
def test_an_input_that_is_made_to_take_long_does_not(bomb: str) -> None:
    started = time.process_time()
    with pytest.raises(ModelError):
        read_input(bomb, {"properties": {"x": {"type": "integer"}}, "required": ["x"]})
    assert time.process_time() - started < 2.0
