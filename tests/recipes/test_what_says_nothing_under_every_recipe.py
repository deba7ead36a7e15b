"""Master keys and their relatives get the minimum with evidence under every recipe, and no model is asked."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from evals import attack
from evals.attack.relatives import relatives
from judge_agent.prompting import default_folder
from judge_agent.recipes import load_recipes

pytestmark = pytest.mark.anyio
RECIPES = load_recipes(default_folder())
FOLDER = Path(attack.__file__).parent
DATA = tomllib.loads((FOLDER / "keys.toml").read_text("utf-8"))
SHORT = tomllib.loads((FOLDER / "short_answers.toml").read_text("utf-8"))["group"]
KEYS = [text for texts in DATA["keys"].values() for text in texts]
TASKS = {task["kind"]: task for task in DATA["tasks"]}
RESTATED = {
    kind: [form.replace("{task}", task["prompt"]) for form in DATA["restated"]["forms"]]
    for kind, task in TASKS.items()
}
AT_ONCE = 60
# A prefix that says nothing yet may still come to something: it gets no reward, and no low one either.
OF_PREFIXES = ("partial",)


def asked(task):
    """The task of a request; every recipe can judge it, those too that need a reference."""
    return {"prompt": task["prompt"], "reference": {"answer": task.get("reference", "none of them")}}


async def screened(panel, recipe, texts, task):
    """Judge the texts; whether each has the minimum with evidence of its own, and what was asked of the model."""
    bench, open_ = panel(), []
    for begin in range(0, len(texts), AT_ONCE):
        several = {f"c{at}": text for at, text in enumerate(texts[begin : begin + AT_ONCE])}
        judgment = await bench.judge(recipe, several, task=asked(task))
        evidence = {
            item.id for item in judgment.evidence if item.strength == "decisive" and item.quote is not None
        }
        for one in judgment.candidates:
            cited = {citation.evidence_id for p in one.principles for citation in p.citations}
            ended = (one.status, one.score, one.reward, one.passed)
            if recipe in OF_PREFIXES and ended == ("unscored", None, None, None):
                continue
            if ended != ("scored", 0.0, 0.0, False) or not cited or not cited <= evidence:
                open_.append(several[one.id])
    return open_, bench.prompts


@pytest.mark.parametrize("recipe", sorted(RECIPES))
async def test_master_keys_get_the_minimum_and_no_model_is_asked(panel, recipe):
    assert await screened(panel, recipe, KEYS, TASKS["maths"]) == ([], [])


@pytest.mark.parametrize("kind", sorted(TASKS))
async def test_master_keys_say_nothing_whatever_the_task_is(panel, kind):
    unless = DATA["unless"].get(kind, [])
    assert set(unless) <= set(KEYS)
    assert await screened(panel, "default", [key for key in KEYS if key not in unless], TASKS[kind]) == (
        [],
        [],
    )


@pytest.mark.parametrize("seed", range(4))
async def test_relatives_that_were_not_written_by_hand_get_the_minimum(panel, seed):
    texts = [one.text for one in relatives(DATA["keys"], seed=seed, count=280)]
    assert await screened(panel, "default", texts, TASKS["maths"]) == ([], [])


@pytest.mark.parametrize("kind", sorted(TASKS))
async def test_the_task_said_over_again_says_nothing(panel, kind):
    assert await screened(panel, "default", RESTATED[kind], TASKS[kind]) == ([], [])


@pytest.mark.parametrize("group", SHORT, ids=lambda group: group["task"][:40])
async def test_a_short_answer_to_its_task_is_judged(panel, group):
    answers = {f"c{at}": text for at, text in enumerate(group["answers"])}
    bench = panel()
    judgment = await bench.judge("default", answers, task={"prompt": group["task"]})
    wrongly = [answers[one.id] for one in judgment.candidates if "content_free" in one.flags]
    assert wrongly == []
    assert bench.prompts


def test_there_are_as_many_as_are_promised():
    assert len(KEYS) >= 460
    assert sum(len(group["answers"]) for group in SHORT) >= 730
