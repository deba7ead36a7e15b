"""The host's side of a box that checks texts: what goes in, and what it said of each check."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Literal

from judge_agent.errors import SandboxError
from judge_agent.schema.text_checks import TextCheck
from judge_agent.seams.sandbox import BoxResult, Program, Sandbox
from judge_agent.seams.sandbox import Limits as BoxLimits

MAX_MODEL_DISK_BYTES = 256 << 20  # the model of languages is unpacked to a file
Verdict = Literal["pass", "fail", "undecided"]
_IN_BOX = ("outcomes", "units", "lists", "counting", "phrases", "forms", "structures", "program")
_OF_SCHEMAS = ("json_schema", "json_work", "linear_patterns")
_SOURCE = "from tools.text_checks.in_box.program import main\nmain()\n"


@dataclass(frozen=True)
class Limits:
    """Ceilings of one call: texts in characters (each, and all together), checks, and what the box may take."""

    text_chars: int = 400_000
    all_texts_chars: int = 1_000_000
    checks: int = 100
    cpu_seconds: int = 20
    wall_seconds: float = 60.0
    memory_bytes: int = 1 << 30


@dataclass(frozen=True)
class Checked:
    """What a check came to. `missing` names a package that the box lacks."""

    verdict: Verdict
    told: str
    missing: str = ""


@dataclass(frozen=True)
class Stopped:
    """A ceiling that ended the box before it had said anything."""

    limit: str


async def checked_in_box(
    sandbox: Sandbox, texts: Mapping[str, str], checks: Sequence[tuple[str, TextCheck]], limits: Limits
) -> list[Checked] | Stopped:
    """Check texts by handle, each check of the text that is named with it. Raises SandboxError where the box broke."""
    asked = [
        {**one.model_dump(mode="json", by_alias=True, exclude_none=True), "of": handle}
        for handle, one in checks
    ]
    payload = json.dumps({"texts": dict(texts), "checks": asked}).encode()
    program = Program(_SOURCE, modules=_modules(), stdin=payload)
    bounds = BoxLimits(
        wall_seconds=limits.wall_seconds,
        cpu_seconds=limits.cpu_seconds,
        memory_bytes=limits.memory_bytes,
        disk_bytes=MAX_MODEL_DISK_BYTES,
    )
    result = await sandbox.run(program, limits=bounds)
    if result.limit is not None:
        return Stopped(f"{result.limit}={getattr(bounds, result.limit, '')}")
    return _outcomes(result, len(checks))


def _outcomes(result: BoxResult, count: int) -> list[Checked]:
    """What the box printed, read as a claim: a foreign text may have broken what read it."""
    try:
        said = json.loads(result.stdout)["outcomes"]
        found = [
            Checked(_verdict(one["verdict"]), str(one["told"])[:200], str(one["missing"])[:60])
            for one in said
        ]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        last = result.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise SandboxError(
            f"the box that checks texts ended with {result.exit_code}: {last[:200]}"
        ) from error
    if len(found) != count:
        raise SandboxError(f"the box that checks texts told of {len(found)} checks, not of {count}")
    return found


def _verdict(said: Any) -> Verdict:
    if said not in ("pass", "fail", "undecided"):
        raise ValueError(f"{said!r:.40} is no verdict")
    verdict: Verdict = said
    return verdict


@cache
def _modules() -> Mapping[str, str]:
    tools = resources.files("tools")
    inner = {
        f"tools.text_checks.in_box.{name}": (tools / "text_checks" / "in_box" / f"{name}.py")
        for name in _IN_BOX
    }
    outer = {f"tools.{name}": tools / f"{name}.py" for name in _OF_SCHEMAS}
    sources = {name: place.read_text(encoding="utf-8") for name, place in {**inner, **outer}.items()}
    return {"tools": "", "tools.text_checks": "", "tools.text_checks.in_box": "", **sources}
