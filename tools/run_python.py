"""Runs a Python program of the judge's own in a box, and shows what it printed and which files it left.

It informs and never decides: the model's program may be wrong. The candidate's files are there where the program names
them; its code may then have written anything that was printed, so such a result is the candidate's claim, and
`run_tests`, which keeps the two apart, is the tool to call its functions with. The tool puts nothing of the reference
into the box; what the model itself writes into its program, the candidate's code can read.

Does not know what the program was meant to show.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from judge_agent.errors import ToolError
from judge_agent.seams.sandbox import Artifact, BoxResult, Limits, Program, Sandbox
from judge_agent.seams.tool import AskedTool, Finding, ToolResult, ToolView
from judge_agent.trajectory import code_under_test, fenced_blocks
from tools.candidate_files import CandidateFiles, candidate_files, named_in
from tools.numbers.asking import asks_for_numbers
from tools.scripts import script

MAX_CODE_CHARS = 8000
# Characters of stdout, of stderr and of a file's text that are shown: the first row that fits `output_chars`.
_ROOM = ((3500, 1500, 400), (2000, 1000, 100), (800, 600, 0), (300, 200, 0), (0, 0, 0))
_COUNTED_KINDS = frozenset({"code", "coding", "data", "math", "number", "sql", "science"})


@dataclass(frozen=True)
class RunPythonLimits(Limits):
    """Ceilings of one program: those of its box (seconds, bytes, counts), the characters of its `code` and of what is
    shown of its end, and how many files are shown.
    """

    memory_bytes: int = 2**30
    code_chars: int = MAX_CODE_CHARS
    output_chars: int = 7000
    shown_files: int = 16


LIMITS = RunPythonLimits()


class RunPython(AskedTool):
    """The tool `run_python`. Its limits are part of its version: others can give other results."""

    name = "run_python"

    def __init__(
        self, sandbox: Sandbox | None, *, limits: RunPythonLimits = LIMITS, concurrent_runs: int = 2
    ) -> None:
        self._sandbox = sandbox
        self.limits = limits
        self._slots = asyncio.Semaphore(concurrent_runs)  # first come, first served
        box = f"{sandbox.name}-{sandbox.version}" if sandbox is not None else "no box"
        self.version = f"3/{box}/{limits.wall_seconds:g}s/{limits.memory_bytes >> 20}MiB"

    def offered(self, view: ToolView) -> bool:
        """Where there is a box, and something that a program can check: code, files, or numbers to work out."""
        if self._sandbox is None:
            return False
        if (view.task.kind or "").lower() in _COUNTED_KINDS:
            return True
        return _holds_code(view) or asks_for_numbers(view)

    async def asked(
        self,
        view: ToolView,
        *,
        code: Annotated[str, Field(min_length=1, max_length=MAX_CODE_CHARS)],
        timeout_seconds: float,
    ) -> ToolResult:
        """Runs a short Python program of yours in an isolated box (numpy, no network, 10 seconds) and shows what it
        prints: to compute, recount or parse. The candidate's files lie in its folder where the program names them,
        its code as solution.py; what such a program prints counts as the candidate's own word.

        code: A Python program; what it prints is shown. It reads no input.

        Raises ToolError, SandboxError.
        """
        self._check(code)
        if self._sandbox is None:
            raise ToolError(
                "run_python needs a box; JUDGE_SANDBOX names none that works here (judge-agent doctor)"
            )
        given = await asyncio.to_thread(_files_for, code, view) if _has_files(view) else _NO_FILES
        program, name = _program(code, given, view.seed)
        async with self._slots:
            result = await self._sandbox.run(program, limits=self.limits)
        return _told(result, given, _left(result, given.files, name), self.limits)

    def _check(self, code: str) -> None:
        if not code.strip():
            raise ValueError("code is empty; give a Python program that prints what you want to know")
        if len(code) > self.limits.code_chars:
            raise ValueError(
                f"code has {len(code)} characters; the limit is code_chars={self.limits.code_chars}"
            )


_NO_FILES = CandidateFiles({}, {})


def _has_files(view: ToolView) -> bool:
    return bool(view.trajectory.messages or view.trajectory.artifacts or view.trajectory.final_answer)


def _files_for(code: str, view: ToolView) -> CandidateFiles:
    """All of the candidate's files or none: what the program imports may need the others."""
    found = candidate_files(view)
    return found if named_in(code, [*found.files, *found.left_out]) else _NO_FILES


def _program(code: str, given: CandidateFiles, seed: int) -> tuple[Program, str]:
    """The candidate's files come last where modules are looked for, so that none passes for the standard library."""
    made = script(code, beside=given.files, imports="last")
    files = {**given.files, made.name: made.content}
    return Program(made.source, seed=seed, files=files, collect=("*",), script=made.script), made.name


def _left(result: BoxResult, given: Mapping[str, bytes], name: str) -> list[Artifact]:
    """The files that the program made or changed."""
    return [
        one
        for one in result.artifacts
        if one.name != name and not (one.name in given and given[one.name] == one.content)
    ]


def _told(
    result: BoxResult, given: CandidateFiles, left: Sequence[Artifact], limits: RunPythonLimits
) -> ToolResult:
    output, cut = _shown(result, given, left, limits)
    finding = Finding("none", "hint", None, _reason(result, limits))
    return ToolResult(
        result.status,
        output,
        (finding,),
        source="claim" if given.files else "tool",
        truncated=cut or result.truncated,
        checked={"programs": 1},
    )


def _shown(
    result: BoxResult, given: CandidateFiles, left: Sequence[Artifact], limits: RunPythonLimits
) -> tuple[dict[str, Any], bool]:
    """The output with as much text as there is room for; and whether something of it is cut."""
    stdout, stderr = _text(result.stdout), _text(result.stderr)
    for for_stdout, for_stderr, for_file in _ROOM:
        output: dict[str, Any] = {
            "exit_code": result.exit_code,
            "limit": result.limit,
            "stdout": cut_middle(stdout, for_stdout),
            "stderr": cut_middle(stderr, for_stderr),
            "files": [_file(one, for_file) for one in left[: limits.shown_files]],
            "seconds": round(result.seconds, 3),
        }
        if len(left) > limits.shown_files:
            output["more_files"] = len(left) - limits.shown_files
        if given.files:
            output["candidate_files"] = _some(list(given.files))
        if given.left_out:
            output["left_out"] = _some([f"{name}: {why}" for name, why in given.left_out.items()])
        if len(json.dumps(output, ensure_ascii=False)) <= limits.output_chars:
            break
    return output, len(stdout) > for_stdout or len(stderr) > for_stderr or len(left) > limits.shown_files


def _some(lines: Sequence[str]) -> list[str]:
    shown = [line[:120] for line in lines[:12]]
    return shown if len(shown) == len(lines) else [*shown, f"and {len(lines) - len(shown)} more"]


def _file(artifact: Artifact, room: int) -> dict[str, Any]:
    told: dict[str, Any] = {"name": cut_middle(_valid(artifact.name), 120), "size": artifact.size}
    if artifact.content is None:
        return told | {"not_collected": artifact.skipped[:120]}
    told["sha256"] = hashlib.sha256(artifact.content).hexdigest()
    if len(artifact.content) <= room and b"\0" not in artifact.content:
        try:
            told["text"] = artifact.content.decode()
        except UnicodeDecodeError:
            told["binary"] = True
    return told


def cut_middle(text: str, limit: int) -> str:
    """At most about `limit` characters of a text: its beginning and its end, with what is missing counted."""
    if len(text) <= limit:
        return text
    head, tail = limit * 2 // 3, limit - limit * 2 // 3
    missing = len(text) - head - tail
    return f"{text[:head]}\n[... {missing} characters cut ...]\n{text[len(text) - tail :]}"


def _reason(result: BoxResult, limits: Limits) -> str:
    if result.limit is not None:
        bound = getattr(limits, result.limit, None)
        named = f"{result.limit}={bound:g}" if isinstance(bound, (int, float)) else result.limit
        return f"the judge's own program hit its limit {named}"
    if result.status == "ok":
        return "the judge's own program ran to its end"
    return f"the judge's own program ended with exit code {result.exit_code}"


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def _valid(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _holds_code(view: ToolView) -> bool:
    if any(artifact.kind != "image" for artifact in view.trajectory.artifacts):
        return True
    code = code_under_test(view.trajectory)
    if code is None:
        return False
    return code.origin != "final_answer" or bool(fenced_blocks(view.trajectory.final_answer or ""))
