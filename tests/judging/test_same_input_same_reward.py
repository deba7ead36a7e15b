"""The same input gets the same reward, however it is posted; what was not scored is not remembered."""

from __future__ import annotations

import asyncio
import dataclasses
from collections import Counter

import pytest

from judge_agent.models.scripted import Held, ScriptedModel, by_schema

pytestmark = pytest.mark.anyio
RIGHT = {"description": "The answer is right.", "name": "right", "dimension": "correctness"}


def text(words: str) -> dict:
    return {"text": words}


def candidates(**texts: str) -> list[dict]:
    return [{"id": id_, "trajectory": text(words)} for id_, words in texts.items()]


def body(**changes) -> dict:
    return {"principles": [RIGHT], "candidates": candidates(a="It is forty-two, I think.")} | changes


def outcome(judgment, id_: str) -> dict:
    """What came of a candidate, whatever it is called."""
    [found] = [one for one in judgment.candidates if one.id == id_]
    return found.model_dump(exclude={"id", "flags"})


async def test_the_second_post_asks_the_model_nothing_and_says_where_it_is_from(bench) -> None:
    judge = bench()
    first = await judge.judge(judgment_id="j1", **body())
    asked = len(judge.prompts)
    again = await judge.judge(judgment_id="j2", **body())
    assert len(judge.prompts) == asked
    assert (first.cached_from, again.cached_from) == (None, "j1")
    assert again.candidates == first.candidates
    assert again.evidence == first.evidence
    assert again.id == "j2"
    assert again.usage.model_calls == 0


async def test_a_remembered_judgment_has_a_log_of_its_own(bench) -> None:
    judge = bench()
    await judge.judge(judgment_id="j1", **body())
    await judge.judge(judgment_id="j2", **body())
    events = [event for event in judge.log.events if event.judgment_id == "j2"]
    assert [event.type for event in events] == ["judgment.accepted", "judgment.done"]
    assert events[-1].fields["cached_from"] == "j1"


async def test_a_rollout_gets_the_same_in_a_group_and_by_itself_under_any_id(bench) -> None:
    judge = bench()
    alone = await judge.judge(judgment_id="j1", **body())
    asked = len(judge.prompts)
    group = candidates(x="Forty-one, surely.", y="It is forty-two, I think.", z="No idea at all, sorry.")
    together = await judge.judge(judgment_id="j2", **body(candidates=group))
    assert outcome(together, "y") == outcome(alone, "a")
    assert together.cached_from is None
    flags = {one.id: one.flags.get("cached_from") for one in together.candidates}
    assert flags == {"x": None, "y": "j1", "z": None}
    assert all("forty-two" not in prompt for prompt in judge.prompts[asked:])
    later = await judge.judge(judgment_id="j3", **body(candidates=candidates(q="Forty-one, surely.")))
    assert (later.cached_from, outcome(later, "q")) == ("j2", outcome(together, "x"))


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"recipe": "verify"},
        {"task": {"prompt": "What is six times eight?"}},
        {"task": {"prompt": "What is six times seven?", "reference": {"answer": "42"}}},
        {"principles": [RIGHT | {"weight": 2}]},
        {"principles": [RIGHT | {"kind": "hard"}]},
        {"pass_threshold": 0.9},
        {"budget": {"samples": 2}},
        {"tools": []},
        {"candidates": candidates(a="It is forty-two,  I think.")},
        {"include_hidden_reasoning": True},
        {"dimensions": ["correctness"]},
    ],
    ids=lambda change: "-".join(change),
)
async def test_whatever_changes_the_judging_is_judged_anew(bench, change) -> None:
    judge = bench()
    await judge.judge(judgment_id="j1", **body())
    other = await judge.judge(judgment_id="j2", **body(**change))
    assert other.cached_from is None


@pytest.mark.parametrize("change", [{"metadata": {"step": 7}}, {"budget": {"seconds": 20}}], ids=str)
async def test_what_changes_nothing_is_remembered(bench, change) -> None:
    judge = bench()
    await judge.judge(judgment_id="j1", **body())
    again = await judge.judge(judgment_id="j2", **body(**change))
    assert again.cached_from == "j1"
    assert again.metadata == change.get("metadata", {})


async def test_another_tenant_learns_nothing(bench) -> None:
    judge = bench()
    await judge.judge(judgment_id="j1", tenant="ada", **body())
    other = await judge.judge(judgment_id="j2", tenant="bob", **body())
    assert other.cached_from is None


async def test_cache_no_neither_reads_nor_writes(bench) -> None:
    judge = bench()
    await judge.judge(judgment_id="j1", **body(cache="no"))
    assert (await judge.judge(judgment_id="j2", **body())).cached_from is None
    assert (await judge.judge(judgment_id="j3", **body(cache="no"))).cached_from is None
    assert (await judge.judge(judgment_id="j4", **body())).cached_from == "j2"


async def test_refresh_judges_anew_and_is_what_is_remembered_from_then_on(bench) -> None:
    judge = bench()
    await judge.judge(judgment_id="j1", **body())
    assert (await judge.judge(judgment_id="j2", **body(cache="refresh"))).cached_from is None
    assert (await judge.judge(judgment_id="j3", **body())).cached_from == "j2"


async def test_a_failed_judge_is_not_remembered(bench) -> None:
    judge = bench(model=ScriptedModel(otherwise="no verdict"))
    failed = await judge.judge(judgment_id="j1", **body())
    assert failed.candidates[0].status == "unscored"
    judge.judging = judge.judge_with(ScriptedModel())
    again = await judge.judge(judgment_id="j2", **body())
    assert (again.cached_from, again.candidates[0].status) == (None, "scored")


async def test_of_sixteen_at_once_all_have_the_first_one_kept(bench) -> None:
    judge = bench()
    found = await asyncio.gather(*(judge.judge(judgment_id=f"j{at}", **body()) for at in range(16)))
    assert len({one.model_dump_json(include={"candidates"}) for one in found}) == 1
    sources = {one.cached_from or one.id for one in found}
    assert len(sources) == 1


async def test_a_judgment_that_goes_on_after_a_crash_does_not_learn_from_itself(bench, as_request) -> None:
    judge = bench()
    first = await judge.judge(judgment_id="j1", **body())
    again = await judge.judging.judge(
        as_request(body()), judgment_id="j1", tenant="t", created=0.0, resumed=True
    )
    assert again.cached_from is None
    assert again.candidates == first.candidates
    assert again.usage.replayed_calls > 0


async def test_compared_candidates_are_remembered_together(bench) -> None:
    judge = bench()
    pair = candidates(a="It is forty-two, I think.", b="Forty-one, surely.")
    first = await judge.judge(judgment_id="j1", recipe="arena", candidates=pair)
    assert all(one.status == "scored" for one in first.candidates)
    again = await judge.judge(judgment_id="j2", recipe="arena", candidates=pair)
    assert again.cached_from == "j1"
    assert (again.candidates, again.ranking, again.flags) == (first.candidates, first.ranking, first.flags)
    turned = await judge.judge(judgment_id="j3", recipe="arena", candidates=pair[::-1])
    assert turned.cached_from is None


async def test_what_the_deadline_cut_short_is_not_remembered(bench) -> None:
    judge = bench(model=ScriptedModel(otherwise=Held(asyncio.Event(), by_schema())))
    late = await judge.judge(judgment_id="j1", **body(budget={"seconds": 0.2}))
    assert late.flags["deadline"] == {"seconds": 0.2}
    judge.judging = judge.judge_with(ScriptedModel())
    fresh = await judge.judge(judgment_id="j2", **body(budget={"seconds": 20}))
    assert (fresh.cached_from, fresh.candidates[0].status) == (None, "scored")


async def test_a_verdict_that_lacks_a_sample_is_not_remembered(bench) -> None:
    good, asked = by_schema(), Counter()

    def moody(request):
        asked["calls"] += 1
        return good if asked["calls"] == 1 else "no verdict"

    judge = bench(model=ScriptedModel(otherwise=moody))
    wanted = body(budget={"samples": 4}, recipe="rm-r1") | {
        "candidates": candidates(a="It is forty-two, I think.", b="Forty-one, surely.")
    }
    first = await judge.judge(judgment_id="j1", **wanted)
    judge.judging = judge.judge_with(ScriptedModel())
    again = await judge.judge(judgment_id="j2", **wanted)
    assert first.candidates[0].status != "scored" or again.cached_from is None
    assert again.cached_from is None


async def test_a_share_of_a_budget_is_part_of_the_input(bench) -> None:
    judge = bench()
    tight = {"model_tokens": 9000}
    await judge.judge(judgment_id="j1", **body(budget=tight))
    group = candidates(a="It is forty-two, I think.", b="Forty-one, surely.")
    together = await judge.judge(judgment_id="j2", **body(candidates=group, budget=tight))
    assert together.candidates[0].flags.get("cached_from") is None
    shared = await judge.judge(judgment_id="j3", **body(candidates=group, budget={"model_tokens": 18000}))
    assert shared.candidates[0].flags.get("cached_from") == "j1"


class Seeing(ScriptedModel):
    """The same model, which is now said to take pictures."""

    async def info(self):
        return dataclasses.replace(await super().info(), details={"images": True})


async def test_what_the_model_is_said_to_be_able_to_do_is_part_of_the_input(bench) -> None:
    judge = bench()
    await judge.judge(judgment_id="j1", **body())
    judge.judging = judge.judge_with(Seeing())
    assert (await judge.judge(judgment_id="j2", **body())).cached_from is None


async def test_what_an_importer_lost_is_told_of_the_post_that_lost_it(bench) -> None:
    judge = bench()
    plain = {"messages": [{"role": "assistant", "content": "It is forty-two, I think."}]}
    strange = {"messages": [plain["messages"][0] | {"annotations": []}]}
    for first, second in ((plain, strange), (strange, plain)):
        flags = [
            (
                await judge.judge(
                    judgment_id=f"{name}-{at}",
                    seed=int(first is plain),
                    principles=[RIGHT],
                    candidates=[{"id": "a", "trajectory": trajectory}],
                )
            )
            .candidates[0]
            .flags
            for at, (name, trajectory) in enumerate((("one", first), ("two", second)))
        ]
        assert ("ignored_fields" in str(flags[0])) == (first is strange)
        assert ("ignored_fields" in str(flags[1])) == (second is strange)
