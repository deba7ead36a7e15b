"""Samples go where the rank is undecided: the close ones are asked about most, and twins change nothing."""

from __future__ import annotations

import shutil
import tomllib
from collections import Counter
from itertools import combinations

import pytest

from judge_agent.errors import ModelError, PromptError
from judge_agent.models.scripted import ScriptedModel
from judge_agent.prompting import PromptLibrary, default_folder
from judge_agent.recipes import Recipe, load_recipes
from judge_agent.votes.ranges import likely_range
from tests.judging.test_when_sampling_ends import RECIPE, written

pytestmark = pytest.mark.anyio
TEXTS = {
    "worst": "It is one, I should think.",
    "third": "It is forty, I should think.",
    "second": "It is forty-one, I should think.",
    "best": "It is forty-two, I should think.",
}
# What the model says of each, one sample after the other: the middle two are close, and noisy.
SAYS = {
    "worst": [1],
    "third": [4, 6, 5, 5, 4, 6],
    "second": [5.4, 7.4, 6.4, 6.4, 5.4, 7.4],
    "best": [10],
}
BY_PLACE = 'count = {count}\nspend = "by_place"'


class Opinions(ScriptedModel):
    """Gives each text its next number, whoever asks."""

    def __init__(self, says: dict[str, list]) -> None:
        super().__init__(otherwise=self._next)
        self.says, self.asked = says, Counter()

    def _next(self, request):
        name = next(name for name, text in TEXTS.items() if text in request.text)
        number = self.says[name][self.asked[name] % len(self.says[name])]
        self.asked[name] += 1
        if isinstance(number, ModelError):
            return number
        return "nothing" if number == "x" else f"Work: it is worth {number}.\n<score>{number}</score>"


@pytest.fixture
def judged(bench, tmp_path):
    async def judge(samples: str, *names: str, says=None, twins=(), model=None, **more):
        folder = tmp_path / "prompts"
        shutil.copytree(default_folder(), folder, dirs_exist_ok=True)
        (folder / "recipes" / "sampled.toml").write_text(written(RECIPE, samples), "utf-8")
        group = [{"id": name, "trajectory": {"text": TEXTS[name]}} for name in names]
        group += [{"id": f"{name}{at}", "trajectory": {"text": TEXTS[name]}} for at, name in enumerate(twins)]
        judging = bench(model or Opinions(SAYS | (says or {})), prompts=PromptLibrary(folder))
        return await judging.judge(recipe="sampled", candidates=group, **more), judging.model

    return judge


def samples_of(judgment) -> dict[str, int]:
    return {one.id: len(one.principles[0].samples) for one in judgment.candidates}


def pairs_decided(judgment) -> int:
    ranges = [likely_range([s.score for s in one.principles[0].samples]) for one in judgment.candidates]
    return sum(not one.overlaps(other) for one, other in combinations(ranges, 2))


async def test_the_same_budget_decides_more_places_than_even_spending(judged) -> None:
    even, model = await judged("count = 8", *TEXTS)
    assert samples_of(even) == dict.fromkeys(TEXTS, 8)
    assert pairs_decided(even) == 5
    placed, other = await judged(BY_PLACE.format(count=8), *TEXTS)
    assert other.asked.total() < model.asked.total() == 32
    assert pairs_decided(placed) == 6
    assert samples_of(placed) == {"worst": 4, "best": 4, "third": 9, "second": 9}
    assert placed.flags["places"] == {"rounds": 5, "samples": 10, "of": 16, "undecided": []}
    assert placed.ranking == (("best",), ("second",), ("third",), ("worst",))


async def test_nothing_more_is_asked_once_the_places_stand(judged) -> None:
    judgment, model = await judged(BY_PLACE.format(count=8), "worst", "best", "second")
    assert model.asked == {"worst": 4, "best": 4, "second": 4}
    assert judgment.flags["places"] == {"rounds": 0, "samples": 0, "of": 12, "undecided": []}


async def test_twins_and_the_order_of_the_group_change_no_members_reward(judged) -> None:
    plain, _ = await judged(BY_PLACE.format(count=8), *TEXTS)
    rewards = {one.id: one.reward for one in plain.candidates}
    twins, model = await judged(BY_PLACE.format(count=8), *reversed(TEXTS), twins=["third", "third", "best"])
    found = {one.id: one.reward for one in twins.candidates}
    assert {name: found[name] for name in TEXTS} == rewards
    assert found["third0"] == found["third1"] == rewards["third"]
    assert found["best2"] == rewards["best"]
    assert model.asked.total() == 26


async def test_who_has_no_peer_gets_all_samples_and_so_does_one_beside_twins(judged) -> None:
    for twins in ([], ["second"]):
        judgment, _ = await judged(BY_PLACE.format(count=6), "second", twins=twins)
        assert set(samples_of(judgment).values()) == {6}
        assert "places" not in judgment.flags


async def test_what_cannot_be_read_is_not_asked_again_and_costs_no_peer_its_place(judged) -> None:
    judgment, _ = await judged(BY_PLACE.format(count=8), *TEXTS, says={"second": ["x"]})
    found = {one.id: (one.status, one.reward) for one in judgment.candidates}
    assert found["second"] == ("unscored", None)
    assert [found[name][0] for name in ("worst", "third", "best")] == ["scored"] * 3
    assert judgment.flags["places"]["undecided"] == []
    assert judgment.flags["places"]["samples"] == 0


async def test_who_is_given_the_same_by_every_sample_ties_and_costs_no_more(judged) -> None:
    says = {"second": [7], "third": [7]}
    judgment, _ = await judged(BY_PLACE.format(count=4), *TEXTS, says=says)
    assert samples_of(judgment) == {"worst": 2, "best": 3, "second": 3, "third": 3}
    assert judgment.ranking == (("best",), ("second", "third"), ("worst",))


async def test_samples_that_the_budget_does_not_pay_are_no_votes(judged) -> None:
    full, _ = await judged(BY_PLACE.format(count=8), *TEXTS)
    spent = full.usage.prompt_tokens + full.usage.completion_tokens
    # Room for a last answer as long as may be, but not for all of them.
    tight = {"model_tokens": spent + 600}
    short, _ = await judged(BY_PLACE.format(count=8), *TEXTS, budget=tight)
    assert [one.status for one in short.candidates] == ["scored"] * 4
    assert all(s.failure_kind is None for one in short.candidates for s in one.principles[0].samples)
    assert sum(samples_of(short).values()) < 32
    assert set(short.flags["places"]["undecided"]) == {"second", "third"}
    told = [one.flags["samples"]["good"] for one in short.candidates if one.id in ("second", "third")]
    assert any(entry.get("stopped") == "spent" for rounds in told for entry in rounds)


async def test_a_group_is_remembered_whole_and_no_member_by_itself(judged, bench, tmp_path) -> None:
    _, model = await judged(BY_PLACE.format(count=4), "second", "third")
    judging = bench(model, prompts=PromptLibrary(tmp_path / "prompts"))

    def group(*names):
        return [{"id": name, "trajectory": {"text": TEXTS[name]}} for name in names]

    first = await judging.judge(judgment_id="g1", recipe="sampled", candidates=group("second", "third"))
    again = await judging.judge(judgment_id="g2", recipe="sampled", candidates=group("second", "third"))
    assert (again.cached_from, again.candidates) == ("g1", first.candidates)
    alone = await judging.judge(judgment_id="g3", recipe="sampled", candidates=group("second"))
    assert alone.cached_from is None


async def test_a_resumed_judgment_asks_nothing_again(judged, bench, tmp_path) -> None:
    judging = None

    async def run(judging):
        group = [{"id": name, "trajectory": {"text": TEXTS[name]}} for name in TEXTS]
        return await judging.judge(judgment_id="g1", recipe="sampled", candidates=group)

    await judged(BY_PLACE.format(count=8), "best")
    judging = bench(Opinions(SAYS), prompts=PromptLibrary(tmp_path / "prompts"))
    first = await run(judging)
    asked = judging.model.asked.total()
    again = await run(judging)
    assert judging.model.asked.total() == asked
    assert again.candidates == first.candidates


@pytest.mark.parametrize("also", ['vote = "majority"', "adaptive = true", "escalate_to = 9"])
def test_a_recipe_that_ends_sampling_by_itself_cannot_spend_by_place(tmp_path, also) -> None:
    folder = tmp_path / "prompts"
    shutil.copytree(default_folder(), folder)
    text = written(RECIPE, f"{BY_PLACE.format(count=4)}\n{also}")
    (folder / "recipes" / "sampled.toml").write_text(text, "utf-8")
    with pytest.raises(PromptError, match="by_place"):
        load_recipes(folder)


def test_a_recipe_that_spends_by_place_judges_its_group_jointly() -> None:
    made = Recipe.model_validate(tomllib.loads(written(RECIPE, BY_PLACE.format(count=4))))
    assert (made.joint, made.comparing) == (True, None)
