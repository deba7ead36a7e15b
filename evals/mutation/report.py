"""What a trial of mutants found: a table, the same as plain data, and whether what must hold does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evals.mutation.problems import Problem
from evals.mutation.trial import Judged, Tried
from judge_agent.schema import CandidateResult

MAX_SHOWN = 20


def verdict(result: CandidateResult | None) -> str:
    """`pass` and `fail` are said for certain; anything else is not."""
    if result is None or result.status != "scored":
        return "none"
    return "pass" if result.passed else "fail"


@dataclass(frozen=True)
class Report:
    """`left_out` counts inputs that make no test, by reason; `possible` all mutants that the kinds could make."""

    problems: int
    usable: Sequence[Problem]
    left_out: Mapping[str, int]
    possible: int
    tried: Sequence[Tried]
    judged: Judged
    seconds: float

    @property
    def holds(self) -> bool:
        return bool(self.usable) and not any(self._wrong())

    def text(self) -> str:
        passed = sum(verdict(result) == "pass" for result in self.judged.right.values())
        lines = [
            f"{self.problems} problems, {len(self.usable)} with tests ({self._tests} of them); "
            f"inputs left out: {dict(self.left_out)}",
            f"right solutions: {passed} of {len(self.judged.right)} pass (each by `call` and by `check`)",
            f"mutants: {len(self.tried)} of {self.possible} possible ones tried "
            f"({len(self.tried) / max(self.possible, 1):.0%})",
            "",
            f"{'kind':28} {'tried':>6} {'equivalent':>11} {'differ':>7} {'fail':>6} {'pass':>5} {'no verdict':>11}",
        ]
        for kind, row in {**self._by_kind(), "all": self._row(self.tried)}.items():
            lines.append(
                f"{kind:28} {row['tried']:6} {row['equivalent']:11} {row['differ']:7} "
                f"{row['fail']:6} {row['pass']:5} {row['none']:11}"
            )
        lines += [
            "",
            f"differ by: {dict(self._ways())}; judged by: {dict(self._tests_used())}",
            f"{self.judged.executions} executions in {self.judged.seconds:.0f} s: {self.per_second:.1f} a second; "
            f"{self.seconds:.0f} s in all",
        ]
        wrong = list(self._wrong())
        lines += [f"WRONG {line}" for line in wrong[:MAX_SHOWN]]
        return "\n".join([*lines, f"... {len(wrong)} wrong in all"] if len(wrong) > MAX_SHOWN else lines)

    @property
    def per_second(self) -> float:
        return self.judged.executions / max(self.judged.seconds, 1e-6)

    def facts(self) -> dict[str, Any]:
        results = self.judged.right.values()
        return {
            "problems": self.problems,
            "problems_with_tests": len(self.usable),
            "tests": self._tests,
            "inputs_left_out": dict(self.left_out),
            "right": len(results),
            "right_passed": sum(verdict(result) == "pass" for result in results),
            "mutants_possible": self.possible,
            **{f"mutants_{name}": count for name, count in self._row(self.tried).items()},
            "share_tried": len(self.tried) / max(self.possible, 1),
            "kinds": self._by_kind(),
            "ways": dict(self._ways()),
            "executions": self.judged.executions,
            "executions_per_second": round(self.per_second, 2),
            "seconds": round(self.seconds, 1),
            "holds": self.holds,
        }

    @property
    def _tests(self) -> int:
        return sum(len(problem.tests) for problem in self.usable)

    def _by_kind(self) -> dict[str, dict[str, int]]:
        kinds = dict.fromkeys(one.kind for one in sorted(self.tried, key=lambda one: one.kind))
        return {kind: self._row([one for one in self.tried if one.kind == kind]) for kind in kinds}

    def _row(self, tried: Sequence[Tried]) -> dict[str, int]:
        ends = Counter(verdict(one.result) for one in tried if one.differs)
        differ = sum(one.differs for one in tried)
        counts = {"tried": len(tried), "equivalent": len(tried) - differ, "differ": differ}
        return {**counts, "fail": ends["fail"], "pass": ends["pass"], "none": ends["none"]}

    def _ways(self) -> Counter[str]:
        return Counter(one.how for one in self.tried if one.differs)

    def _tests_used(self) -> Counter[str]:
        return Counter(one.tests for one in self.tried if one.differs)

    def _wrong(self) -> Iterator[str]:
        for (task_id, tests), result in self.judged.right.items():
            if verdict(result) != "pass":
                yield f"the right solution of {task_id} by {tests}: {_said(result)}"
        for one in self.tried:
            if one.differs and verdict(one.result) != "fail":
                where = f"{one.problem.task_id}, {one.kind}, differs by {one.how}, by {one.tests}"
                yield f"{where}: {_said(one.result)}\n{one.source}"


def _said(result: CandidateResult | None) -> str:
    if result is None:
        return "not judged"
    reasons = [principle.reason for principle in result.principles]
    return f"{result.status}, passed {result.passed}, {result.failure_reason or ''} {reasons} {dict(result.flags)}"
