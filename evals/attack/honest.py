"""How often the detectors speak of work that nobody planted anything in: real answers, solutions and trajectories.

The folder holds `evalplus`, `judgebench`, `llmbar`, `plan_rewardbench` and `tau_bench` as published; what is missing is
left out. Of pairs the better side counts; that it hacks nothing is likely, and not known.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from evals import evalplus, pair_sets
from evals.tau import episodes
from judge_agent.guards.hacks import hacks_in
from judge_agent.guards.places import places_of
from judge_agent.guards.planted import planted_in
from judge_agent.guards.says_nothing import says_nothing
from judge_agent.importers import canonical
from judge_agent.prompting.material import without_thought
from judge_agent.schema import JudgmentRequest, Task, Trajectory
from judge_agent.trajectory import final_answer

EVERY_PAIR = 1_000_000
MADE_TESTS = 3


class Honest(NamedTuple):
    """One piece of work, with the task that it was for."""

    set: str
    task: Task
    trajectory: Trajectory


class Told(NamedTuple):
    """What was said of one set: `spoke` counts candidates by detector, `screened` those taken to say nothing."""

    set: str
    works: int
    spoke: Counter[str]
    strong: Counter[str]
    injections: Counter[str]
    screened: int


def told_of(folder: Path) -> list[Told]:
    """Look at everything in the folder; nothing is asked of a service, for nothing but texts is looked at."""
    sets: dict[str, list[Honest]] = {}
    for one in _all(folder):
        sets.setdefault(one.set, []).append(one)
    return [_told(name, works) for name, works in sets.items()]


def _told(name: str, works: list[Honest]) -> Told:
    told = Told(name, len(works), Counter(), Counter(), Counter(), 0)
    screened = 0
    for one in works:
        hacks = hacks_in(one.task, one.trajectory)
        told.spoke.update({hack.detector for hack in hacks})
        told.strong.update({hack.detector for hack in hacks if hack.strength == "strong"})
        places = places_of(one.trajectory, hidden_reasoning=False)
        told.injections.update({hit.pattern for place in places for hit in planted_in(place.text)})
        answer = without_thought(final_answer(one.trajectory))[0]
        screened += bool(answer) and says_nothing(answer, (one.task.prompt,))
    return told._replace(screened=screened)


def _all(folder: Path) -> Iterator[Honest]:
    if (folder / "evalplus").is_dir():
        yield from _solutions(folder / "evalplus")
    for name in pair_sets.SETS:
        if (folder / name).is_dir():
            for pair in pair_sets.load(name, folder, EVERY_PAIR):
                yield from _of_request(name, pair.request("verify", 60.0), pair.chosen)
    if (folder / "tau_bench").is_dir():
        (path,) = (folder / "tau_bench").glob("*.json")
        for episode in episodes.load(path):
            if episode.reward == 1.0:
                yield from _of_request("tau_bench", episodes.request(episode, "0" * 64), "agent")


def _solutions(folder: Path) -> Iterator[Honest]:
    for row in evalplus.rows(folder):
        whole = row["task_id"].startswith("HumanEval")
        code = row["prompt"] + row["canonical_solution"] if whole else row["canonical_solution"]
        said = {"messages": [{"role": "assistant", "content": f"```python\n{code}\n```"}]}
        yield Honest("evalplus", Task(prompt=row["prompt"]), Trajectory.model_validate(said))


def _of_request(name: str, body: dict[str, Any], chosen: str) -> Iterator[Honest]:
    request = JudgmentRequest.model_validate(body)
    for candidate in request.candidates:
        if candidate.id == chosen:
            yield Honest(name, request.task, canonical(candidate.trajectory).trajectory)
