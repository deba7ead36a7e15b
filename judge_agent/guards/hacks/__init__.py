"""Signs that a candidate works on its judge and not on its task. Each is a flag with its span, never decisive.

Static, bounded and linear: nothing is run. What a sign does is the recipe's to say (`[guards]`): note, cap or fail.
"""

from __future__ import annotations

from collections.abc import Iterator

from judge_agent.guards.hacks.agents import agent_hacks
from judge_agent.guards.hacks.code import code_hacks
from judge_agent.guards.hacks.edits import edit_hacks
from judge_agent.guards.hacks.found import Hack as Hack
from judge_agent.guards.hacks.sources import sources_of
from judge_agent.guards.hacks.texts import text_hacks
from judge_agent.guards.hacks.visible import asks_beyond_examples as asks_beyond_examples
from judge_agent.guards.hacks.visible import examples_of, hardcoded
from judge_agent.schema import Task, Trajectory

MAX_HACKS = 32


def hacks_in(task: Task, trajectory: Trajectory) -> list[Hack]:
    """What was found, in the order of the trajectory for each detector; at most 32."""
    found: dict[tuple[str, str, tuple[int, int]], Hack] = {}
    for hack in _all(task, trajectory):
        found.setdefault((hack.detector, hack.where, hack.offsets), hack)
        if len(found) >= MAX_HACKS:
            break
    return list(found.values())


def _all(task: Task, trajectory: Trajectory) -> Iterator[Hack]:
    examples = examples_of(task)
    for source in sources_of(trajectory):
        yield from code_hacks(source, task.reference.tests)
        yield from hardcoded(source, task, examples)
    yield from edit_hacks(task, trajectory)
    yield from agent_hacks(task, trajectory)
    yield from text_hacks(task, trajectory)
