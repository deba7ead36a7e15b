"""`POST /run_code` as SandboxFusion serves it: trainers that speak it can point here, for boxes that hold.

A program that fails is `Failed`, a box that fails is `SandboxError`. What differs from SandboxFusion is said in the
answer: an unavailable language, a limit that was hit (the last line of `stderr`), a file that was too large to send.
"""

from __future__ import annotations

import asyncio
import base64
import glob
import math
import os
import re
from collections.abc import Coroutine, Sequence
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import ValidationError

from api.auth import Calling
from api.body import read_json
from api.described_answers import OPEN
from api.leaving import hung_up
from api.limits import take_request
from api.parts import Parts
from api.problems import Problem, invalid
from api.queries import no_query
from api.run_code_schema import (
    CommandRunResult,
    RunCodeRequest,
    RunCodeResponse,
    RunStatus,
    decoded,
    plain,
)
from api.settings import Settings
from api.validation import as_problem
from judge_agent.errors import SandboxError
from judge_agent.seams.sandbox import Artifact, BoxResult, Limits, Program
from tools.scripts import pytest_script, script
from tools.testing.lacking import may_lack
from tools.testing.report import Code

router = APIRouter(tags=["run_code"])
WAIT_SLACK_SECONDS = 5.0  # clients allow ten beyond both timeouts
KILLED = -9
_DISK_BYTES = 64 * 2**20
_FILES = 1024
_NO_MODULE = re.compile(r"ModuleNotFoundError: No module named '([A-Za-z_][\w.]*)'")
_EXAMPLES = {
    "a program": {"value": {"code": "print(int(input()) * 2)", "language": "python", "stdin": "21\n"}},
    "files in and out": {
        "value": {
            "code": "open('out.txt', 'w').write(open('in.txt').read().upper())",
            "language": "python",
            "run_timeout": 5,
            "memory_limit_MB": 512,
            "files": {"in.txt": "aGVsbG8="},
            "fetch_files": ["out.txt"],
        }
    },
    "tests": {
        "value": {"code": "def test_it():\n    assert 1 + 1 == 2\n", "language": "pytest", "args": ["-q"]}
    },
}
_BODY = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {"$ref": "#/components/schemas/RunCodeRequest"},
            "examples": _EXAMPLES,
        }
    },
}


@router.post("/run_code", response_model=RunCodeResponse, openapi_extra={"requestBody": _BODY})
async def run_code(request: Request, caller: Calling) -> Response:
    """Run a program in a box of its own, and say how it ended. Waits for a free box, then answers 504.

    Numpy and pytest are there, the network is not. With JUDGE_RUN_CODE_PROFILE=subprocess a program may start others.
    """
    no_query(request)
    parts: Parts = request.app.state.parts
    await take_request(parts, caller)
    body = await read_json(request, parts.settings.max_body_bytes, parts.large_bodies)
    try:
        wanted = RunCodeRequest.model_validate(body.data)
    except ValidationError as error:
        raise as_problem(error, body.data) from None
    _check_memory(wanted.memory_limit_MB, parts.settings.run_code_memory_mb)
    answer = await _run(wanted, parts, request)
    return Response(answer.model_dump_json(), 200, _ignored(wanted), "application/json")


@router.get("/v1/ping", openapi_extra=OPEN)
async def ping() -> str:
    """Answer `pong`, as SandboxFusion does."""
    return "pong"


async def _run(wanted: RunCodeRequest, parts: Parts, request: Request) -> RunCodeResponse:
    if wanted.language not in ("python", "pytest"):
        message = (
            f"language {wanted.language!r} does not run here, only 'python' and 'pytest'; nothing was run"
        )
        return RunCodeResponse(status="SandboxError", message=message)
    limits = _limits(wanted, parts.settings)
    program = await asyncio.to_thread(_program, wanted, parts.settings)

    waiting = wanted.compile_timeout + WAIT_SLACK_SECONDS
    try:
        result = await _while_connected(request, parts.runs.run(program, limits, wait_seconds=waiting))
    except SandboxError as error:
        return RunCodeResponse(status="SandboxError", message=f"the box failed, not the program: {error}")
    return await asyncio.to_thread(_answer, wanted, result, limits)


async def _while_connected(request: Request, work: Coroutine[Any, Any, BoxResult]) -> BoxResult:
    """Do the work, or stop it where the client hangs up: nobody would read what a slot is used for."""
    running = asyncio.ensure_future(work)
    watching = asyncio.ensure_future(hung_up(request))
    try:
        await asyncio.wait({running, watching}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            return running.result()
        raise Problem(408, "client_gone", "the client hung up; its program was stopped")
    finally:
        running.cancel()
        watching.cancel()
        await asyncio.gather(running, watching, return_exceptions=True)


def _check_memory(asked: int, most: int) -> None:
    if asked > most:
        detail = f"{asked} is more than this service gives a program (JUDGE_RUN_CODE_MEMORY_MB={most})"
        raise invalid("memory_limit_MB", detail, value=asked, limit=most)


def _ignored(wanted: RunCodeRequest) -> dict[str, str]:
    """Name what was sent and not read, in plain characters: a typo in a limit must not pass in silence."""
    names = sorted(wanted.model_extra or {})[:16]
    said = ", ".join(name[:64].encode("ascii", "backslashreplace").decode() for name in names)
    return {"X-Ignored-Fields": "".join(c if c.isprintable() else "?" for c in said)} if names else {}


def _limits(wanted: RunCodeRequest, settings: Settings) -> Limits:
    cores = os.cpu_count() or 1
    memory_mb = wanted.memory_limit_MB if wanted.memory_limit_MB > 0 else settings.run_code_memory_mb
    sent = settings.max_body_bytes
    return Limits(
        wall_seconds=wanted.run_timeout,
        cpu_seconds=(math.ceil(wanted.run_timeout) + 1)
        * (cores if settings.run_code_profile == "subprocess" else 1),
        memory_bytes=memory_mb * 2**20,
        disk_bytes=_DISK_BYTES + sent,
        files=_FILES + sum(name.count("/") + 1 for name in wanted.files),
        program_bytes=2 * sent,
        artifacts=len(wanted.fetch_files) + 1,
        artifact_bytes=max(8 * 2**20, sent),
    )


def _program(wanted: RunCodeRequest, settings: Settings) -> Program:
    files = {
        plain(name): decoded(name, content) for name, content in wanted.files.items() if content is not None
    }
    if wanted.language == "pytest":
        made = pytest_script(wanted.code, wanted.args, beside=files)
    else:
        made = script(wanted.code, beside=files)
    return Program(
        made.source,
        stdin=(wanted.stdin or "").encode(),
        files={**files, made.name: made.content},
        collect=[glob.escape(plain(name)) for name in wanted.fetch_files],
        profile=settings.run_code_profile,
        warm="pytest" if wanted.language == "pytest" else "python",
        script=made.script,
    )


def _answer(wanted: RunCodeRequest, result: BoxResult, limits: Limits) -> RunCodeResponse:
    if result.status == "refused" and result.limit == "program_bytes":
        message = f"nothing was run: {_text(result.stderr)}"
        return RunCodeResponse(status="SandboxError", message=message)
    status: RunStatus = "Success" if result.status == "ok" else "Failed"
    left = {artifact.name: artifact for artifact in result.artifacts}
    found = [(name, left[plain(name)]) for name in wanted.fetch_files if plain(name) in left]
    return RunCodeResponse(
        status=status,
        message="; ".join(filter(None, (_lacking(wanted, result), _missing(found)))),
        run_result=_run_result(result, limits),
        files={
            name: base64.b64encode(one.content).decode() for name, one in found if one.content is not None
        },
    )


def _run_result(result: BoxResult, limits: Limits) -> CommandRunResult:
    timed_out = result.status == "timeout"
    code = 0 if result.status == "ok" else result.exit_code if result.signal is None else -result.signal
    return CommandRunResult(
        status="TimeLimitExceeded" if timed_out else "Finished",
        execution_time=result.seconds,
        return_code=None if timed_out else KILLED if code is None else code,
        stdout=_text(result.stdout),
        stderr=_text(result.stderr) + _limit_line(result, limits),
    )


def _limit_line(result: BoxResult, limits: Limits) -> str:
    if result.limit is None:
        return ""
    bound = getattr(limits, result.limit, None)
    named = f"{result.limit}={bound:g}" if isinstance(bound, (int, float)) else result.limit
    return f"\n[the box] the program hit its limit {named}\n"


def _lacking(wanted: RunCodeRequest, result: BoxResult) -> str:
    """Name a well-known module that the program died of: its lack is this service's, and none of its own files."""
    last = result.stderr.rstrip().rpartition(b"\n")[2][:300].decode("utf-8", "replace")
    named = _NO_MODULE.match(last) if result.status == "failed" else None
    module = named.group(1).partition(".")[0] if named else None
    own = frozenset(plain(name).partition("/")[0].removesuffix(".py") for name in wanted.files)
    if not may_lack(module, Code(wanted.code, own_modules=own)):
        return ""
    return f"the boxes of this service lack the module {module!r}, which the program imports"


def _missing(found: Sequence[tuple[str, Artifact]]) -> str:
    held_back = [f"{name} ({one.skipped or 'not collected'})" for name, one in found if one.content is None]
    return f"files that were not sent back: {', '.join(held_back)}"[:1000] if held_back else ""


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
