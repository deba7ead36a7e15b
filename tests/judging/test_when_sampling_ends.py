"""When enough samples are taken: no early stop answers otherwise than all of them would, and no failure is a vote."""

from __future__ import annotations

import json
import random
import shutil
import tomllib
from pathlib import Path

import pytest

from judge_agent.errors import ModelError, PromptError
from judge_agent.models import ScriptedModel
from judge_agent.prompting import PromptLibrary, default_folder
from judge_agent.recipes import load_recipes

pytestmark = pytest.mark.anyio
CASES = tomllib.loads((Path(__file__).parent / "data" / "when_sampling_ends.toml").read_text("utf-8"))["case"]
PASSED = {"yes": True, "no": False, "unknown": None}
RECIPE = """
name = "sampled"
description = "Each alone, sampled as a test wants it."
models = true
protocols = ["{protocol}"]
dimensions = ["quality"]
granularity = ["outcome"]
{recipe}

[[principles.default]]
name = "good"
description = "It is a good answer."

[citations]
hard_pass = "none"
otherwise = "none"

[samples]
{samples}

[[turns]]
name = "work"
prompt = "critique/themis-work.v1"

[turns.read]
kind = "score_tag"
low = 0
high = 10
"""
PAIRS = RECIPE.replace("critique/themis-work.v1", "compare/round-robin.v1").replace(
    'kind = "score_tag"\nlow = 0\nhigh = 10',
    'kind = "winner_json"\nlabels = {{ A = "A", B = "B", tie = "tie" }}',
)


def written(recipe, samples, *, protocol="pointwise", more="", temperature="temperature = 0.7\n"):
    return recipe.format(protocol=protocol, recipe=more, samples=f"{temperature}{samples}")


@pytest.fixture
def library(tmp_path):
    def make(text):
        if not (tmp_path / "prompts").exists():
            shutil.copytree(default_folder(), tmp_path / "prompts")
        (tmp_path / "prompts" / "recipes" / "sampled.toml").write_text(text, "utf-8")
        return PromptLibrary(tmp_path / "prompts")

    return make


def gives(numbers):
    """Answers with these numbers, one after the other; whatever is asked after them cannot be read."""
    told = iter(numbers)

    def answer(request):
        number = next(told, "x")
        return "nothing" if number == "x" else f"Work: it is worth {number}.\n<score>{number}</score>"

    return answer


@pytest.fixture
def sampled(bench, library):
    async def judge(numbers, samples, *, more="", **body):
        answer = numbers if callable(numbers) else gives(numbers)
        judge = bench(ScriptedModel(otherwise=answer), prompts=library(written(RECIPE, samples, more=more)))
        return judge, await judge.one(text="It is 42, by all means.", recipe="sampled", **body)

    return judge


def rounds_of(result):
    return [one.get("stopped") or one["why"] for one in result.flags.get("samples", {}).get("good", ())]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
async def test_samples_are_taken_until_nothing_that_is_asked_of_them_can_turn(sampled, case):
    threshold = {"pass_threshold": case["threshold"]} if "threshold" in case else {}
    _, result = await sampled(case["gives"], case["samples"], more=case.get("recipe", ""), **threshold)
    (found,) = result.principles
    assert len(found.samples) == case["taken"]
    assert result.passed is PASSED[case["passed"]]
    assert found.failure_kind == ("abstained" if case["passed"] == "unknown" else None)
    if case["taken"] == 1:
        assert (found.agreement, result.confidence.value) == (None, 0.0)
    if "why" in case:
        assert rounds_of(result) == case["why"]
    if "agreement" in case:
        assert found.agreement == pytest.approx(case["agreement"])
        assert result.needs_review == (case["agreement"] < 0.6)
        last = [one for one in result.flags["samples"]["good"] if "why" in one][-1]
        assert last["agreement"] == pytest.approx(case["agreement"])


@pytest.mark.parametrize("how", ["mean", "majority"])
@pytest.mark.parametrize("kind", ["hard", "soft"])
@pytest.mark.parametrize(
    "asked", ["", "abstain_below = 0.4", "escalate_to = 12\nmin_agreement = 0.5\nabstain_below = 0.3"]
)
async def test_stopping_early_never_changes_whether_it_passes_nor_whether_there_is_a_verdict(
    sampled, how, kind, asked
):
    drawn = random.Random(f"{how} {kind} {asked}")
    principle = {"name": "good", "description": "It is good.", "kind": kind}
    for _ in range(8):
        menu = drawn.choice([(0, 10), (2, 5, 8), (4, 5, 6), (9, 10, 10, 10, 1)])
        numbers = [drawn.choice(menu) for _ in range(12)]
        threshold = drawn.choice([None, 0.3, 0.5, 0.8])
        ends = []
        for adaptive in ("false", "true"):
            samples = f'count = 6\nvote = "{how}"\nadaptive = {adaptive}\n{asked}'
            _, result = await sampled(numbers, samples, pass_threshold=threshold, principles=[principle])
            ends.append((result.passed, result.status, result.failure_kind))
        assert ends[0] == ends[1], (numbers, threshold)


@pytest.mark.parametrize("kind", ["model_unreachable", "model_error", "model_timeout"])
@pytest.mark.parametrize(
    ("samples", "calls"), [("count = 2\nescalate_to = 8", 1), ("count = 8\nadaptive = true", 1)]
)
async def test_a_model_that_does_not_answer_is_no_disagreement_and_is_not_asked_on(
    sampled, kind, samples, calls
):
    def down(request):
        raise ModelError(kind, "no luck")

    judge, result = await sampled(down, samples)
    assert (result.reward, result.failure_kind) == (None, kind)
    assert len(judge.prompts) == calls
    assert rounds_of(result) == ["wanted", kind]


async def test_a_model_that_dies_between_two_rounds_is_not_asked_for_a_third(sampled):
    numbers = iter([9, 1])

    def dies(request):
        number = next(numbers, None)
        if number is None:
            raise ModelError("model_unreachable", "gone")
        return f"Work.\n<score>{number}</score>"

    _, result = await sampled(dies, "count = 2\nescalate_to = 8")
    assert rounds_of(result) == ["wanted", "disagreement", "model_unreachable"]
    assert len(result.principles[0].samples) == 4
    assert result.principles[0].score == pytest.approx(0.5)
    assert result.needs_review


@pytest.mark.parametrize(
    ("recipe", "protocol", "samples"),
    [
        (RECIPE, "pointwise", "escalate_to = 8"),
        (RECIPE, "pointwise", "count = 2"),
        (PAIRS, "pairwise", 'orders = "both"\nescalate_to = 8'),
    ],
)
def test_escalating_at_temperature_0_is_refused_as_more_samples_are(library, recipe, protocol, samples):
    text = written(recipe, samples, protocol=protocol, temperature="")
    with pytest.raises(PromptError, match=r"(?s)sampled\.toml.*> 1 at temperature 0"):
        load_recipes(library(text).folder)


async def test_where_orders_are_shuffled_what_may_be_asked_again_is_drawn_at_a_temperature(bench, library):
    text = written(PAIRS, 'orders = "shuffled"\nescalate_to = 4', protocol="pairwise", temperature="")
    model = ScriptedModel(otherwise=json.dumps({"reasoning": "A says more about it", "winner": "A"}))
    judge = bench(model, prompts=library(text))
    candidates = [{"id": name, "trajectory": {"text": f"The answer is {name}."}} for name in ("one", "two")]
    await judge.judge(candidates=candidates, recipe="sampled")
    assert {request.temperature for request in model.requests} == {0.7}


async def test_steps_that_have_one_sample_while_principles_have_several_say_so(bench):
    def answer(request):
        if "choice" in request.schema["properties"]:
            return {"reason": "It is fine in every respect.", "citations": [], "choice": "5"}
        if "s1" in request.schema["properties"]:
            return {"s1": {"reason": "It is what was asked for.", "label": "good"}}
        return {"thought": "done", "call": None}

    principles = [{"name": "fine", "description": "It is fine."}]
    messages = [{"role": "user", "content": "Say 42."}, {"role": "assistant", "content": "Here it is: 42."}]
    for samples, said in ((3, {"samples": 1, "of": 3}), (1, None)):
        judge = bench(ScriptedModel(otherwise=answer))
        result = await judge.one(
            messages=messages, recipe="default", principles=principles, budget={"samples": samples}
        )
        assert [step.label for step in result.steps] == ["good"]
        assert result.flags.get("steps_sampled") == said


def by_principle(numbers):
    """Answers with the numbers that are due for each principle, by its name in the prompt."""
    due = {name: iter(given) for name, given in numbers.items()}

    def answer(request):
        (name,) = [name for name in due if f"{name}: It is so" in request.text]
        number = next(due[name])
        return f"Work: it is worth {number}.\n<score>{number}</score>"

    return answer


def weighed(**kinds):
    said = {name: f"It is so in respect {name}." for name in kinds}
    return [{"name": name, "description": said[name], "kind": kind} for name, kind in kinds.items()]


TOGETHER = [
    ("both pass", {"one": [10, 10, 10, 10], "two": [9, 9, 9, 9]}, {}, weighed(one="soft", two="soft"), 5),
    ("on both sides", {"one": [10, 10, 2, 2], "two": [0, 0, 2, 2]}, {}, weighed(one="soft", two="soft"), 8),
    (
        "on both sides of the caller's threshold",
        {"one": [10, 10, 10, 8], "two": [6, 6, 6, 6]},
        {"pass_threshold": 0.75},
        weighed(one="soft", two="soft"),
        8,
    ),
    (
        "a hard one fails",
        {"one": [10, 10, 10, 10], "two": [0, 0, 0, 0]},
        {},
        weighed(one="soft", two="hard"),
        5,
    ),
    (
        "a hard one fails, and there is a threshold",
        {"one": [10, 10, 10, 10], "two": [0, 0, 0, 0]},
        {"pass_threshold": 0.5},
        weighed(one="soft", two="hard"),
        5,
    ),
    (
        "a hard one alone gates",
        {"one": [0, 0, 0, 0], "two": [10, 10, 10, 10]},
        {},
        weighed(one="soft", two="hard"),
        6,
    ),
    (
        "tiers are no mean",
        {"one": [10, 10, 10, 10], "two": [9, 9, 9, 9]},
        {"aggregate": "lexicographic"},
        weighed(one="soft", two="soft"),
        8,
    ),
]


@pytest.mark.parametrize(("numbers", "body", "principles", "taken"), [one[1:] for one in TOGETHER])
async def test_principles_that_are_weighed_together_stop_early_only_where_their_sum_stands_too(
    sampled, numbers, body, principles, taken
):
    samples = "count = 4\nadaptive = {}"
    ends = []
    for adaptive in ("false", "true"):
        _, result = await sampled(
            by_principle(numbers), samples.format(adaptive), principles=principles, **body
        )
        ends.append((result.passed, result.status))
    assert ends[0] == ends[1]
    assert sum(len(found.samples) for found in result.principles) == taken


async def test_no_weighing_of_principles_passes_otherwise_for_an_early_stop(sampled):
    drawn = random.Random("together")
    for _ in range(25):
        kinds = [drawn.choice(["soft", "soft", "hard"]) for _ in range(3)]
        principles = weighed(**dict(zip(("one", "two", "three"), kinds, strict=True)))
        numbers = {
            one["name"]: [drawn.choice((0, 4, 5, 6, 10, 10, 10)) for _ in range(5)] for one in principles
        }
        body = {
            "pass_threshold": drawn.choice([None, None, 0.4, 0.7]),
            "aggregate": drawn.choice(["gated", "weighted", "veto", "renormed", "lexicographic"]),
        }
        ends = []
        for adaptive in ("false", "true"):
            samples = f"count = 5\nabstain_below = 0.2\nadaptive = {adaptive}"
            _, result = await sampled(by_principle(numbers), samples, principles=principles, **body)
            ends.append((result.passed, result.status, result.failure_kind))
        assert ends[0] == ends[1], (numbers, kinds, body)


async def test_what_is_asked_for_the_sum_s_sake_is_a_round_of_its_own(sampled):
    numbers = {"one": [10, 10, 2, 2], "two": [0, 0, 2, 2]}
    _, result = await sampled(
        by_principle(numbers), "count = 4\nadaptive = true", principles=weighed(one="soft", two="soft")
    )
    told = [(one["why"], one["samples"]) for one in result.flags["samples"]["one"]]
    assert told == [("wanted", 2), ("undecided together", 2)]
    assert result.passed is False
