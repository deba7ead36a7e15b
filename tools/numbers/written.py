"""The arithmetic that an agent wrote: where it may stand, and what the equations that were worked out again come to."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from judge_agent.seams.tool import Aside, Finding, ToolResult, ToolView
from judge_agent.trajectory import read

_OPERATION = re.compile(r"[\d)\]%}][\s$]{0,3}[-+*/^xX\u00d7\u00f7\u00b7\u22c5\u2219\u2212\u2013\\]|\\d?frac")

_SIDE_CHARS = 60
# Past all that the box tells of a number, so that none is cut.
MAX_VALUE_CHARS = 100


@dataclass(frozen=True)
class Written:
    """One equation as the box told of it: both sides as written, the value of the left one, and the verdict."""

    step_id: str
    left: str
    right: str
    value: str
    verdict: str
    why: str

    def as_json(self) -> dict[str, str]:
        told = {
            "step_id": self.step_id,
            "written": f"{self.left} = {self.right}"[:300],
            "value": self.value[:MAX_VALUE_CHARS],
        }
        return told | {"verdict": self.verdict} | ({"why": self.why} if self.why else {})

    @property
    def said(self) -> str:
        """What is wrong, every side to its first and last characters."""
        return f"{_short(self.left)} is {self.value[:MAX_VALUE_CHARS]}, not {_short(self.right)}"


def _short(side: str) -> str:
    return side if len(side) <= 2 * _SIDE_CHARS else f"{side[:_SIDE_CHARS]}...{side[-_SIDE_CHARS:]}"


def texts_of(view: ToolView) -> dict[str, str]:
    """What the agent wrote, by step; the final answer counts to the last step."""
    steps = read(view.trajectory).steps
    texts = {step.id: step.turn.text for step in steps if step.turn.text}
    last = view.trajectory.final_answer
    if last and last not in texts.values():
        place = steps[-1].id if steps else ""
        texts[place] = f"{texts[place]}\n{last}" if place in texts else last
    return texts


def bounded(texts: Mapping[str, str], most: int) -> tuple[dict[str, str], bool]:
    """The texts to so many characters of them all, and whether that cut some."""
    bounded, left = {}, most
    for step, text in texts.items():
        bounded[step] = text[:left]
        left -= len(bounded[step])
    return bounded, sum(map(len, texts.values())) > most


def holds_arithmetic(texts: Mapping[str, str]) -> bool:
    """Whether a line of the texts has an equals sign and an operation."""
    lines = [line for text in texts.values() for line in text.split("\n") if "=" in line]
    return any(_OPERATION.search(line) for line in lines)


def of_arithmetic(found: Sequence[Written], *, cut: bool, is_principle: bool, shown: int) -> ToolResult:
    """What equations come to: wrong ones refute their steps, and are a principle of their own where that is wanted."""
    wrong = [one for one in found if one.verdict == "wrong"]
    listed = [one for one in found if one.verdict != "right"][:shown]
    output = {
        "equations": len(found),
        "wrong": len(wrong),
        "listed": [one.as_json() for one in sorted(listed, key=lambda one: one.verdict != "wrong")],
    }
    return ToolResult(
        "ok",
        output,
        tuple(_of_steps(wrong)),
        truncated=cut,
        checked={"equations": len(found)},
        flags={"arithmetic_not_all_read": True} if cut else {},
        asides=(_arithmetic_aside(wrong),) if wrong and is_principle else (),
    )


def _arithmetic_aside(wrong: Sequence[Written]) -> Aside:
    reason = "; ".join(one.said for one in wrong[:3])
    return Aside(
        "arithmetic",
        "Every calculation that the candidate writes out is right.",
        "correctness",
        Finding("refutes", "decisive", 0.0, reason),
    )


def _of_steps(wrong: Sequence[Written]) -> list[Finding]:
    by_step: dict[str, list[Written]] = {}
    for one in wrong:
        if one.step_id:
            by_step.setdefault(one.step_id, []).append(one)
    return [
        Finding("refutes", "decisive", 0.0, "; ".join(one.said for one in group[:3]), step)
        for step, group in by_step.items()
    ]
