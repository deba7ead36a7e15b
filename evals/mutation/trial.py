"""Runs problems and their mutants: in plain Python for what is so, then through the judge for what it says.

The tool gives each call one second here. A mutant hangs where plain Python saw it busy for twice as long in one call,
and inputs for which the right solution takes a fifth of it make no tests: a busy machine blames nobody.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from evals.mutation.plain_process import AT_ONCE, PlainPython, ask_each
from evals.mutation.problems import Problem
from evals.mutation.sites import Kind, Mutants, Site
from judge_agent.journal import MemoryJournal, MemorySharedResults
from judge_agent.judge import Judge
from judge_agent.log import MemoryLog
from judge_agent.schema import CandidateResult, JudgmentRequest
from judge_agent.seams.sandbox import Sandbox
from tools.run_tests import RunTests, RunTestsLimits

TOOL_SECONDS = 1.0
PLAIN_SECONDS = 2 * TOOL_SECONDS
RIGHT = "right"
Tick = Callable[[], None]


@dataclass
class Tried:
    """One mutant: how it differs in plain Python ("not" where nothing shows), and what the judge says of it.

    `tests` is the kind of tests that judged it: `call` only where JSON can tell the difference.
    """

    problem: Problem
    kind: str
    source: str
    how: str = "not"
    call_sees: bool = False
    tests: str = "check"
    result: CandidateResult | None = None

    @property
    def differs(self) -> bool:
        return self.how != "not"


@dataclass
class Judged:
    """What the judge said: of the right solutions, by problem and kind of tests, in how many seconds in all."""

    right: dict[tuple[str, str], CandidateResult] = field(default_factory=dict)
    executions: int = 0
    seconds: float = 0.0


async def with_tests(problems: Sequence[Problem], tick: Tick) -> tuple[list[Problem], Counter[str]]:
    """The problems with the tests that their right solutions give, and how many inputs give none, by reason."""

    async def one(plain: PlainPython, problem: Problem) -> Problem:
        job = {"op": "reference", "source": problem.right, "entry_point": problem.entry_point}
        answer = await plain.ask({**job, "inputs": problem.inputs})
        left_out.update(answer.get("left_out", {"the whole problem": 1}))
        return replace(problem, tests=tuple(answer.get("tests", ())))

    left_out = Counter[str]()
    return await ask_each(problems, one, tick), left_out


def sampled(
    problems: Sequence[Problem], kinds: Sequence[Kind], count: int, seed: int
) -> tuple[list[Tried], int]:
    """About `count` mutants (0: all), and how many there could be.

    Each problem gives as many as the others; of its kinds those come first that were taken least so far.
    """
    taken, chosen, everything = Counter[str](), list[Tried](), 0
    for index, problem in enumerate(problems):
        made = Mutants(problem.right, problem.entry_point, problem.seen, kinds)
        everything += len(made.sites)
        room = (index + 1) * count // len(problems) - len(chosen) if count else None
        for kind, source in islice(_in_turn(made, random.Random(f"{seed} {problem.task_id}"), taken), room):  # noqa: S311
            taken[kind] += 1
            chosen.append(Tried(problem, kind, source))
    return chosen, everything


def _in_turn(made: Mutants, chance: random.Random, taken: Counter[str]) -> Iterator[tuple[str, str]]:
    shelves: dict[str, list[Site]] = {}
    for site in made.sites:
        shelves.setdefault(site.kind, []).append(site)
    for shelf in shelves.values():
        chance.shuffle(shelf)
    known = {made.right}
    while shelves:
        for kind in sorted(shelves, key=lambda kind: (taken[kind], kind)):
            source = made.source(shelves[kind].pop())
            if not shelves[kind]:
                del shelves[kind]
            if source not in known:
                known.add(source)
                yield kind, source


async def compare(tried: Sequence[Tried], tick: Tick) -> None:
    """Say of each mutant how it differs from the right solution in plain Python."""

    async def one(plain: PlainPython, group: list[Tried]) -> None:
        problem = group[0].problem
        job = {"op": "compare", "right": problem.right, "entry_point": problem.entry_point}
        limits = {"atol": problem.atol, "seconds": PLAIN_SECONDS}
        sources = [item.source for item in group]
        answers = await plain.ask({**job, **limits, "inputs": problem.arguments, "mutants": sources})
        for place, (item, answer) in enumerate(zip(group, answers, strict=True)):
            item.how, item.call_sees = answer["how"], answer["call_sees"]
            item.tests = "call" if item.call_sees and place % 2 == 0 else "check"
            tick()

    await ask_each(_by_problem(tried), one, lambda: None)


async def judge(sandbox: Sandbox, problems: Sequence[Problem], tried: Sequence[Tried], tick: Tick) -> Judged:
    """Judge every right solution by both kinds of tests, and every mutant that differs by one that can tell."""
    tool = RunTests(sandbox, concurrent_runs=AT_ONCE, limits=RunTestsLimits(seconds_per_test=TOOL_SECONDS))
    judge = Judge(
        model=None,
        tools=(tool,),
        journal=MemoryJournal(),
        shared=MemorySharedResults(),
        log=MemoryLog(),
    )
    found, at_once, started = Judged(), asyncio.Semaphore(AT_ONCE), time.monotonic()

    async def one(problem: Problem, tests: str, group: list[Tried]) -> None:
        sources = {RIGHT: problem.right} | {f"m{place}": item.source for place, item in enumerate(group)}
        request = JudgmentRequest.model_validate(problem.request(tests, sources))
        judge.check(request)
        async with at_once:
            judgment = await judge.judge(
                request, judgment_id=f"{problem.task_id} {tests}", tenant="evals", created=0.0
            )
        results = {result.id: result for result in judgment.candidates}
        found.right[problem.task_id, tests] = results[RIGHT]
        for place, item in enumerate(group):
            item.result = results[f"m{place}"]
        found.executions += len(sources)
        for _ in sources:
            tick()

    async with asyncio.TaskGroup() as tasks:
        for problem in problems:
            for tests in ("call", "check"):
                group = [t for t in tried if t.problem is problem and t.differs and t.tests == tests]
                tasks.create_task(one(problem, tests, group))
    found.seconds = time.monotonic() - started
    return found


def _by_problem(tried: Sequence[Tried]) -> list[list[Tried]]:
    groups: dict[str, list[Tried]] = {}
    for item in tried:
        groups.setdefault(item.problem.task_id, []).append(item)
    return list(groups.values())
