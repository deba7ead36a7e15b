"""What a run keeps of a judgment: lengths, groups, noise and disagreement, as the judgment itself tells them."""

from __future__ import annotations

import statistics
from typing import Any

import pytest

from judge_agent.run_points import disagreement, run_end, sampling_variance
from judge_agent.schema import CandidateResult, Evidence, Judgment, JudgmentRequest, PrincipleResult, Sample
from judge_agent.store.runs import Point


def asked(*texts: str, **changes: Any) -> JudgmentRequest:
    body = {
        "task": {"prompt": "2+2?"},
        "candidates": [{"id": f"c{n}", "trajectory": {"text": text}} for n, text in enumerate(texts)],
        "run": {"id": "r", "step": 3},
    }
    return JudgmentRequest.model_validate(body | changes)


def points(request: JudgmentRequest, **changes: Any) -> tuple[Point, ...]:
    results = tuple(
        CandidateResult(id=one.id, status="scored", score=0.5, reward=0.5, **changes)
        for one in request.candidates
    )
    end = run_end(
        request, Judgment(id="j", state="done", created=0.0, seconds=2.0, candidates=results), "ada"
    )
    assert end is not None
    return end.points


def principle(name: str = "p", **changes: Any) -> PrincipleResult:
    given = {"description": "d", "dimension": "d", "kind": "soft", "weight": 1.0, "valid": True}
    return PrincipleResult(name=name, **(given | changes))


def evidence(bearing: str, *names: str, strength: str = "strong", candidate: str = "a") -> Evidence:
    return Evidence(
        id=f"{bearing}-{strength}-{candidate}",
        kind="tool_result",
        source="tool",
        candidate_ids=(candidate,),
        principles=names,
        sha256="0",
        bearing=bearing,
        strength=strength,
    )


def test_candidates_of_one_task_are_one_group_and_those_of_one_text_one_content() -> None:
    a, b, c = points(asked("It is 4.", "It is 5.", "It is 4."))
    assert a.task_key == b.task_key == c.task_key
    assert a.content_key == c.content_key != b.content_key
    assert [one.seconds for one in (a, b, c)] == [2.0, None, None]
    (other,) = points(asked("It is 4.", task={"prompt": "3+1?"}))
    (named,) = points(asked("It is 4.", group={"group_id": "g", "index": 0, "size": 2}))
    assert len({a.task_key, other.task_key, named.task_key}) == 3


def test_a_point_keeps_the_reward_before_it_was_shaped() -> None:
    (shaped,) = points(asked("It is 4."), raw_reward=0.25)
    (older,) = points(asked("It is 4."))
    assert (shaped.reward, older.reward) == (0.25, 0.5)


def test_a_task_that_the_trajectories_begin_with_tells_groups_apart() -> None:
    def said(prompt: str) -> dict[str, Any]:
        messages = [{"role": "user", "content": prompt}, {"role": "assistant", "content": "4"}]
        return {"task": {}, "candidates": [{"id": "a", "trajectory": {"messages": messages}}]}

    one, two = (points(asked("", **said(prompt)))[0] for prompt in ("2+2?", "1+3?"))
    assert one.task_key != two.task_key
    assert points(asked("", **said("2+2?")))[0].task_key == one.task_key


def test_the_length_is_what_the_policy_wrote_and_not_what_it_was_told_or_thought() -> None:
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}}
    messages = [
        {"role": "user", "content": "x" * 1000},
        {"role": "assistant", "content": "abc", "reasoning_content": "y" * 500, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "1", "content": "z" * 300},
        {"role": "assistant", "content": "done"},
    ]
    (point,) = points(asked("", candidates=[{"id": "a", "trajectory": {"messages": messages}}]))
    assert point.length == len("abc") + len('{"x":1}') + len("done")
    assert points(asked("It is 4."))[0].length == 8


def test_marks_of_work_that_others_were_judged_for_are_remembered_ones() -> None:
    assert points(asked("a"), flags={"duplicate_of": "b"})[0].is_cached
    assert points(asked("a"), flags={"cached_from": "j0"})[0].is_cached
    assert not points(asked("a"), flags={"injection": []})[0].is_cached
    assert points(asked("a"), flags={"injection": [], "tests": {}})[0].flags == "injection,tests"


def test_a_request_without_a_run_leaves_no_points() -> None:
    judgment = Judgment(id="j", state="done", created=0.0)
    assert run_end(asked("a", run=None), judgment, "ada") is None


@pytest.mark.parametrize(
    ("found", "score", "expected"),
    [
        ([evidence("refutes", "p")], 1.0, (1, 1)),
        ([evidence("confirms", "p")], 1.0, (1, 0)),
        ([evidence("confirms", "p"), evidence("refutes", "p")], 1.0, (1, 1)),
        ([evidence("refutes", "p", strength="hint")], 1.0, (0, 0)),
        (
            [evidence("refutes", "other"), evidence("refutes", "p", candidate="b"), evidence("none", "p")],
            1.0,
            (0, 0),
        ),
    ],
)
def test_disagreement_is_counted_where_both_spoke(
    found: list[Evidence], score: float, expected: tuple[int, int]
) -> None:
    result = CandidateResult(
        id="a", status="scored", principles=(principle(score=score, decided_by="model"),)
    )
    assert disagreement(result, found) == expected


def test_evidence_that_overruled_the_models_samples_disagrees_with_them() -> None:
    samples = (Sample(choice="pass", score=1.0), Sample(choice="pass", score=1.0, voted=False))
    overruled = principle(score=0.0, decided_by="evidence", samples=samples)
    alone = principle("q", score=0.0, decided_by="evidence")
    result = CandidateResult(id="a", status="scored", principles=(overruled, alone))
    assert disagreement(result, [evidence("refutes", "p", "q", strength="decisive")]) == (1, 1)


def test_the_noise_of_samples_is_the_variance_of_their_weighted_mean() -> None:
    first, second = (0.2, 0.6, 0.7), (0.0, 1.0)
    both = [
        principle("p", weight=3.0, samples=tuple(Sample(score=one) for one in first)),
        principle("q", weight=1.0, samples=tuple(Sample(score=one) for one in second)),
        principle("r", weight=0.0, samples=(Sample(score=0.0), Sample(score=1.0))),
    ]
    expected = 0.75**2 * statistics.variance(first) / 3 + 0.25**2 * statistics.variance(second) / 2
    assert sampling_variance(both) == pytest.approx(expected)
    assert sampling_variance([principle(samples=(Sample(score=0.5),))]) is None
    assert sampling_variance([]) is None
