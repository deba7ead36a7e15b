"""Several samples of one principle: which of them speaks for the verdict, and when they are tied."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from judge_agent.models import ScriptedModel

pytestmark = pytest.mark.anyio
CASES = tomllib.loads((Path(__file__).parent / "data" / "samples_of_a_principle.toml").read_text("utf-8"))[
    "case"
]
MESSAGES = [
    {"role": "user", "content": "Please refund order 17 to the customer."},
    {
        "role": "assistant",
        "content": "I refund it now.",
        "tool_calls": [{"id": "1", "function": {"name": "refund", "arguments": "{}"}}],
    },
    {"role": "tool", "tool_call_id": "1", "content": "refund of order 17: status completed"},
    {"role": "assistant", "content": "Order 17 has been refunded, I promise."},
]
SECOND = "You are the second judge"
PASSED = {"yes": True, "no": False, "unknown": None}


def said(number, sample):
    """The answer of one sample; its reason has its number."""
    cited = [{"source": "m2", "quote": "refund of order 17: status"}] if sample.endswith("!") else []
    return {
        "reason": f"Sample {number} has looked at it all.",
        "citations": cited,
        "choice": sample.strip("!"),
    }


def asked(case):
    principle = {"name": "refunded", "description": "The order was refunded."}
    return {
        "recipe": "one-pass",
        "messages": MESSAGES,
        "principles": [{**principle, "kind": case["kind"], "scale": case["scale"]}],
        "granularity": ["outcome"],
        "budget": {"samples": len(case["samples"])},
    }


def answers(case, *, look=None):
    """Answers the samples in their order, whichever of them is asked first, and a second look."""
    told = iter([said(number, sample) for number, sample in enumerate(case["samples"])])

    def answer(request):
        if request.text.startswith(SECOND):
            return look
        return next(told) if "choice" in request.schema["properties"] else {"thought": "done", "call": None}

    return answer


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
async def test_choice_reason_and_citations_are_those_of_a_sample_that_gave_the_verdict(bench, case):
    result = await bench(ScriptedModel(otherwise=answers(case))).one(**asked(case))
    (found,) = result.principles
    assert result.passed is PASSED[case["passed"]]
    assert [sample.choice for sample in found.samples] == [one.strip("!") for one in case["samples"]]
    if "says" not in case:
        assert (found.valid, found.score, found.failure_kind) == (False, None, "abstained")
        assert (result.reward, result.needs_review) == (None, True)
        assert "samples pass it" in found.failure_reason
        return
    speaking = case["samples"][case["says"]]
    assert found.score == pytest.approx(case["score"], abs=1e-4)
    assert (found.choice, found.reason) == (
        speaking.strip("!"),
        f"Sample {case['says']} has looked at it all.",
    )
    assert len(found.citations) == speaking.endswith("!")


async def test_a_hard_pass_never_stands_without_a_citation_whatever_its_samples_are(bench):
    """Every order of passes that cite and fails that do not."""
    for bits in range(2**4):
        samples = ["pass!" if bits >> place & 1 else "fail" for place in range(4)]
        case = {"kind": "hard", "scale": "pass_fail", "samples": samples}
        result = await bench(ScriptedModel(otherwise=answers(case))).one(**asked(case))
        (found,) = result.principles
        assert (result.passed is True) == (samples.count("pass!") > 2)
        assert bool(found.citations) == (result.passed is True)


@pytest.mark.parametrize(
    ("samples", "looked"), [(["fail", "pass!", "pass!"], True), (["fail", "pass!"], False)]
)
async def test_a_second_look_is_told_why_a_sample_let_it_pass_and_there_is_none_at_a_tie(
    bench, samples, looked
):
    case = {"kind": "hard", "scale": "pass_fail", "samples": samples}
    look = {
        "reason": "Nothing speaks against it.",
        "citations": [],
        "reference": "none",
        "verdict": "upheld",
    }
    judge = bench(ScriptedModel(otherwise=answers(case, look=look)))
    await judge.judge(**{**asked(case), "recipe": "refuted"})
    shown = [prompt for prompt in judge.prompts if prompt.startswith(SECOND)]
    assert len(shown) == looked
    assert all("Sample 1 has looked" in prompt and "Sample 0" not in prompt for prompt in shown)


NOT = "cannot_assess"


def unsure(samples):
    """A plain answer, judged by a recipe that offers not to."""
    case = {"kind": "soft", "scale": "1-5", "samples": samples}
    return {**asked(case), "recipe": "default", "messages": MESSAGES[:1] + MESSAGES[3:]}


@pytest.mark.parametrize(
    ("samples", "score"),
    [
        (["5", NOT, NOT], None),
        ([NOT, "5", "5"], 1.0),
        (["5", NOT], 1.0),
        (["5", NOT, NOT, "no choice"], None),
        (["5", "no choice", "no choice", NOT], 1.0),
        (["5", "5", NOT, NOT, NOT], None),
        (["5", "5", "5", NOT, NOT], 1.0),
    ],
    ids=lambda one: "-".join(one) if isinstance(one, list) else "",
)
async def test_where_most_samples_cannot_assess_a_principle_there_is_no_verdict(bench, samples, score):
    told = iter([said(number, one) for number, one in enumerate(samples)])

    def answer(request):
        if "Your last answer could not be used" in request.text:
            return "nor is this an answer"
        return next(told) if "choice" in request.schema["properties"] else {"thought": "done", "call": None}

    found = await bench(ScriptedModel(otherwise=answer)).principle(**unsure(samples))
    assert (found.score, found.valid) == (score, score is not None)
    if score is None:
        assert found.failure_kind == "abstained"
        assert f"{samples.count(NOT)} of {len(samples)} samples give no verdict" in found.failure_reason


@pytest.mark.parametrize(
    ("samples", "score", "taken"), [(["5", "5", NOT, NOT, NOT], None, 5), (["5"] * 5, 1.0, 3)]
)
async def test_sampling_does_not_stop_while_most_may_come_to_say_that_they_cannot_assess(
    bench, variant, samples, score, taken
):
    prompts = variant("default", **{"[gather]": "[samples]\nadaptive = true\n\n[gather]"})
    case = {"samples": samples}
    judge = bench(ScriptedModel(otherwise=answers(case)), prompts=prompts)
    found = await judge.principle(**{**unsure(samples), "recipe": "variant"})
    assert (found.score, len(found.samples)) == (score, taken)
