"""Mutation testing of judge_agent/nodes and judge_agent/reward: `python .ci/mutation.py [--share 0.02] ...`.

mutmut makes the mutants and finds by running the tests once which of them reach which function ([tool.mutmut] in
pyproject.toml names them). A sample is taken that the seed alone decides; each mutant meets tests that reach its
function, of each file in turn one, as many as take `--seconds` (on a busy machine these are fewer). What none of them
notices counts as survived, so the score is a lower bound, and the time is bounded. Prints each surviving mutant and the
score of each module. Exits with 1 below the bound, 2 when mutmut could not run. Everything lies in mutants/, and is
made anew where the source has changed.

mutmut mutates what stands in functions; constants of modules and decorated functions it leaves.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
MUTANTS = ROOT / "mutants"
STATS = MUTANTS / "mutmut-stats.json"
LOG = MUTANTS / "mutmut.log"
FOLDERS = ("nodes", "reward")
# mutmut takes stock before it runs any mutant: of the smallest module it runs all at once.
FIRST = "judge_agent.reward.length.*"
NOTICED = ("killed", "timeout", "segfault")
# What a sample must reach, by folder: what 2% of all, 270 and 45 mutants, reached with 8 s of tests each (74% and 96%),
# less what the draw may cost.
BOUNDS = {"nodes": 0.68, "reward": 0.85}


@dataclass(frozen=True)
class Mutant:
    """One mutant by mutmut's name for it: module, function, number."""

    name: str
    file: Path

    @property
    def folder(self) -> str:
        return self.file.parent.name

    @property
    def function(self) -> str:
        """The key of its function in what mutmut knows of the tests."""
        return self.name.partition("__mutmut_")[0]


def main(arguments: Sequence[str] | None = None) -> int:
    wanted = _parser().parse_args(arguments)
    os.chdir(ROOT)
    MUTANTS.mkdir(exist_ok=True)
    LOG.write_text("", "utf-8")
    if not _mutmut([FIRST], wanted.processes):
        return _broken()
    mutants = [one for one in _all_mutants() if one.folder in wanted.of]
    chosen = sampled(mutants, wanted.share, wanted.limit, wanted.seed)
    print(f"{len(chosen)} of {len(mutants)} mutants, seed {wanted.seed}", flush=True)
    known = STATS.read_text("utf-8")
    try:
        STATS.write_text(json.dumps(bounded(json.loads(known), wanted.seconds)), "utf-8")
        ran = _mutmut([one.name for one in chosen], wanted.processes)
    finally:
        STATS.write_text(known, "utf-8")
    return _report(chosen, wanted.bound) if ran else _broken()


def sampled(mutants: Sequence[Mutant], share: float, limit: int | None, seed: int) -> list[Mutant]:
    """The share of the mutants with the lowest hashes: what is added elsewhere moves no other in or out."""

    def drawn(one: Mutant) -> bytes:
        return hashlib.sha256(f"{seed}:{one.name}".encode()).digest()

    most = max(1, round(share * len(mutants)))
    return sorted(mutants, key=drawn)[: most if limit is None else min(most, limit)]


def bounded(stats: dict[str, Any], seconds: float) -> dict[str, Any]:
    """What mutmut knows of the tests, each function with those that fit the seconds: of each file in turn one.

    Of a file those come first that reach the fewest other functions. Names with a backslash are left out: pytest does
    not find them again when mutmut asks for them, and then runs none at all.
    """
    known: Mapping[str, Sequence[str]] = stats["tests_by_mangled_function_name"]
    reached = {function: [one for one in tests if "\\" not in one] for function, tests in known.items()}
    took: Mapping[str, float] = stats["duration_by_test"]
    reaches = Counter(test for tests in reached.values() for test in tests)
    kept: dict[str, list[str]] = {}
    for function, tests in reached.items():
        left = seconds
        kept[function] = []
        for test in _in_turns(sorted(tests, key=lambda test: (reaches[test], took.get(test, 0.0), test))):
            left -= took.get(test, 0.0)
            if left < 0 and kept[function]:
                break
            kept[function].append(test)
    return {**stats, "tests_by_mangled_function_name": kept}


def _in_turns(tests: Iterable[str]) -> list[str]:
    """The first test of each file, then the second of each: what is near to each other notices the like."""
    taken: Counter[str] = Counter()
    turns = []
    for test in tests:
        file = test.partition("::")[0]
        turns.append((taken[file], len(turns), test))
        taken[file] += 1
    return [test for _, _, test in sorted(turns)]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--of", nargs="+", choices=FOLDERS, default=FOLDERS, help="the folders")
    parser.add_argument("--share", type=float, default=0.02, help="of all mutants; 1 for the whole")
    parser.add_argument("--limit", type=int, help="so many mutants at most")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    parser.add_argument("--seconds", type=float, default=8.0, help="of tests that a mutant meets at most")
    parser.add_argument("--processes", type=int, default=2, help="at once")
    parser.add_argument("--bound", type=float, help=f"the least score; else {BOUNDS}")
    return parser


def _mutmut(names: Iterable[str], processes: int) -> bool:
    """Run mutmut on mutants; what it says goes to the log, for it draws on the terminal without pause."""
    # Not `python -m mutmut`, which mutmut warns of.
    call = [sys.executable, "-c", "from mutmut.__main__ import cli; cli()", "run"]
    with LOG.open("ab") as log:
        ran = subprocess.run(
            [*call, "--max-children", str(processes), *names],
            stdout=log,
            stderr=subprocess.STDOUT,
            check=False,
        )
    return ran.returncode == 0


def _broken() -> int:
    print(LOG.read_text("utf-8", "replace")[-3000:])
    print(f"mutmut could not run; all that it said is in {LOG}")
    return 2


def _all_mutants() -> list[Mutant]:
    return [
        Mutant(name, file)
        for folder in FOLDERS
        for file in sorted((Path("judge_agent") / folder).glob("*.py"))
        for name in _results(file)
    ]


def _results(file: Path) -> dict[str, int | None]:
    """The exit code of each mutant of a file; None where it has not been run."""
    meta = MUTANTS / f"{file}.meta"
    if not meta.exists():
        return {}
    codes: dict[str, int | None] = json.loads(meta.read_text("utf-8"))["exit_code_by_key"]
    return codes


def _report(chosen: Sequence[Mutant], bound: float | None) -> int:
    from mutmut.mutation.diff_apply import get_diff_for_mutant
    from mutmut.stats import status_by_exit_code

    codes = {one.file: _results(one.file) for one in chosen}
    by_file: dict[Path, Counter[str]] = defaultdict(Counter)
    for one in sorted(chosen, key=lambda one: one.name):
        status = status_by_exit_code[codes[one.file][one.name]]
        by_file[one.file][status] += 1
        if status not in NOTICED:
            diff = get_diff_for_mutant(one.name, path=one.file).splitlines()
            print(f"{one.name}: {status}")
            print(
                "\n".join(
                    f"    {line}" for line in diff if line[:1] in "+-" and line[:3] not in ("+++", "---")
                )
            )
    short = False
    print(f"{'module':44} {'score':>6} {'noticed':>8} {'of':>5}")
    for folder in FOLDERS:
        counts = {file: count for file, count in by_file.items() if file.parent.name == folder}
        for file, count in sorted(counts.items()):
            _line(str(file), count)
        if counts:
            score = _line(f"judge_agent/{folder}", sum(counts.values(), Counter()))
            least = BOUNDS[folder] if bound is None else bound
            print(f"    {folder}: the bound is {least:.0%}")
            short = short or score < least
    return int(short)


def _line(name: str, count: Mapping[str, int]) -> float:
    noticed, total = sum(count.get(status, 0) for status in NOTICED), sum(count.values())
    print(f"{name:44} {noticed / total:6.0%} {noticed:8} {total:5}")
    return noticed / total


if __name__ == "__main__":
    sys.exit(main())
