"""The host's side of the boxes of numbers: one question, one answer, read as a claim and bounded.

The questions hold texts of a request; nothing of them is parsed out here.
"""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any, Literal

from judge_agent.errors import ToolError
from judge_agent.seams.sandbox import BoxResult, Limits, Program, Sandbox

Kind = Literal["exact", "symbolic", "solving"]
_MODULES: dict[Kind, tuple[str, ...]] = {
    "exact": (
        "tokens",
        "arithmetic",
        "units",
        "otherwise",
        "choices",
        "manners",
        "equations",
        "readings",
        "following",
        "shown",
        "exact_main",
    ),
    "symbolic": ("plain_math", "shown", "symbolic", "symbolic_main"),
    "solving": ("dimacs", "smt", "solving_main"),
}
DISTRIBUTIONS: dict[Kind, tuple[str, ...]] = {
    "exact": (),
    "symbolic": ("sympy", "mpmath", "math-verify", "latex2sympy2_extended", "antlr4-python3-runtime"),
    "solving": ("z3-solver",),
}
_WARM: dict[Kind, Literal["python", "math", "solver"]] = {
    "exact": "python",
    "symbolic": "math",
    "solving": "solver",
}


class NoAnswer(Exception):
    """The box ended without an answer. `limit` names the ceiling that it hit, if any."""

    def __init__(self, message: str, limit: str | None) -> None:
        super().__init__(message)
        self.limit = limit


def missing(kind: Kind) -> tuple[str, ...]:
    """The distributions of a kind of box that are not installed."""
    return tuple(name for name in DISTRIBUTIONS[kind] if _version(name) is None)


def versions(kind: Kind) -> str:
    """The versions that results of a kind of box depend on."""
    return "+".join(f"{name}-{_version(name)}" for name in DISTRIBUTIONS[kind]) or "stdlib"


async def ask(
    sandbox: Sandbox | None, kind: Kind, question: Mapping[str, Any], limits: Limits
) -> dict[str, Any]:
    """Put one question to a box of its own. Raises NoAnswer, ToolError (what it needs is not there), SandboxError."""
    if sandbox is None:
        raise ToolError(
            "a tool of numbers needs a box; JUDGE_SANDBOX names none that works here (judge-agent doctor)"
        )
    if lacking := missing(kind):
        raise ToolError(
            f"not installed: {', '.join(lacking)}; pip install 'judge-agent[tools]' -c constraints.txt"
        )
    program = Program(
        f"from tools.numbers.in_box.{_MODULES[kind][-1]} import main\nmain()",
        modules=_sources(kind),
        stdin=json.dumps(question).encode(),
        warm=_WARM[kind],
    )
    result = await sandbox.run(program, limits=limits)
    return _answer(result, kind)


def _answer(result: BoxResult, kind: Kind) -> dict[str, Any]:
    lines = result.stdout.splitlines()
    if result.status == "ok" and lines and not result.truncated:
        try:
            told = json.loads(lines[-1])
        except (ValueError, RecursionError):
            told = None
        if isinstance(told, dict):
            return told
    said = result.stderr.decode("utf-8", "replace").strip().rsplit("\n", 1)[-1][:200]
    if "ModuleNotFoundError" in said:
        raise ToolError(f"this kind of box does not have what {kind} work needs: {said}")
    if result.limit is None and "MemoryError" in said:
        raise NoAnswer("it used up its memory", "memory_bytes")
    raise NoAnswer(said or f"it ended with exit code {result.exit_code}", result.limit)


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


@cache
def _sources(kind: Kind) -> dict[str, str]:
    """Sources of what runs inside the box, by module name."""
    folder = resources.files("tools.numbers.in_box")
    return {
        f"tools.numbers.in_box.{name}": folder.joinpath(f"{name}.py").read_text(encoding="utf-8")
        for name in _MODULES[kind]
    }
