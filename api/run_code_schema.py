"""Request and answer of `POST /run_code`, field by field as SandboxFusion has them, so that its clients can point here.

Source: bytedance/SandboxFusion, `sandbox/server/sandbox_api.py` and `sandbox/runners/types.py`. Other people's clients
send fields of their own; they are accepted, and named in the header `X-Ignored-Fields`.
"""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema, field_validator, model_validator

from judge_agent.schema.base import Number, Whole

MAX_RUN_SECONDS = 600.0
MAX_FILES = 256
MAX_NAME_BYTES = 1000
MAX_PART_BYTES = 255
# A name below the work folder, as `_check_name` has it: no first slash, no `..`, at least one part that is a name.
_PART = r"(?:[^/.\x00][^/\x00]*|\.[^/.\x00][^/\x00]*|\.\.[^/\x00]+)"
_NAME = rf"^(?:\./(?:\.?/)*)?{_PART}(?:/(?:{_PART}|\.?))*$"
_QUAD = r"(?:[A-Za-z0-9+/]\s*)"
_BASE64 = rf"^\s*(?:{_QUAD}{{4}})*(?:{_QUAD}{{2}}=\s*=\s*|{_QUAD}{{3}}=\s*)?$"
_FileName = Annotated[
    str, WithJsonSchema({"type": "string", "pattern": _NAME, "minLength": 1, "maxLength": MAX_NAME_BYTES})
]
_Content = Annotated[str, WithJsonSchema({"type": "string", "pattern": _BASE64, "contentEncoding": "base64"})]
Language = Literal[
    "python", "cpp", "nodejs", "go", "go_test", "java", "php", "csharp", "bash", "typescript", "sql", "rust", "cuda",
    "lua", "R", "perl", "D_ut", "ruby", "scala", "julia", "pytest", "junit", "kotlin_script", "jest", "verilog",
    "python_gpu", "lean", "swift", "racket", "python2", "gtest", "react",
]  # fmt: skip
CommandStatus = Literal["Finished", "Error", "TimeLimitExceeded"]
RunStatus = Literal["Success", "Failed", "SandboxError"]


class RunCodeRequest(BaseModel):
    """A program, what it reads, and its limits. `python` and `pytest` run here; other languages give `SandboxError`."""

    model_config = ConfigDict(frozen=True, extra="allow")

    code: str = Field(description="The program; for `pytest`, the test file.", examples=["print('hello')"])
    language: Language = Field(examples=["python"])
    compile_timeout: Annotated[Number, Field(ge=0, le=MAX_RUN_SECONDS)] = Field(
        10,
        description="Seconds. Nothing is compiled here: so long, and 5 s more, a request may wait for a free box.",
    )
    run_timeout: Annotated[Number, Field(gt=0, le=MAX_RUN_SECONDS)] = Field(
        10, description="Seconds that the program may run."
    )
    memory_limit_MB: Whole = Field(
        -1,
        description="Beyond the interpreter's own; 0 or less: JUDGE_RUN_CODE_MEMORY_MB, which is also the most.",
    )
    stdin: str | None = Field(None, description="What it reads.")
    files: dict[_FileName, _Content | None] = Field(
        {},
        max_length=MAX_FILES,
        description="Base64 by relative name, put beside the program; null is left out.",
    )
    fetch_files: list[_FileName] = Field(
        [],
        max_length=MAX_FILES,
        description="Relative names of files to send back; those that are missing are not.",
    )
    args: list[str] = Field([], max_length=64, description="Further arguments of pytest.")

    @field_validator("fetch_files")
    @classmethod
    def _fetched_are_beneath(cls, names: list[str]) -> list[str]:
        for name in names:
            _check_name(name)
        return names

    @field_validator("files")
    @classmethod
    def _files_are_beneath(cls, files: dict[str, str | None]) -> dict[str, str | None]:
        for name, content in files.items():
            _check_name(name)
            if content is not None:
                decoded(name, content)
        return files

    @model_validator(mode="after")
    def _files_fit_together(self) -> RunCodeRequest:
        names = {plain(name) for name, content in self.files.items() if content is not None}
        for name in names:
            above = name.rpartition("/")[0]
            while above:
                if above in names:
                    raise ValueError(f"files: {above[:80]!r} would be a file and a folder")
                above = above.rpartition("/")[0]
        return self


class CommandRunResult(BaseModel):
    """How the program ended. `return_code` is null where it ran out of time, negative where a signal ended it."""

    status: CommandStatus
    execution_time: float | None = Field(None, description="Seconds.")
    return_code: int | None = None
    stdout: str | None = None
    stderr: str | None = None


class RunCodeResponse(BaseModel):
    """`Failed` speaks of the program, `SandboxError` of this service: the latter says nothing of the program."""

    status: RunStatus
    message: str = ""
    compile_result: CommandRunResult | None = None
    run_result: CommandRunResult | None = None
    executor_pod_name: str | None = None
    files: dict[str, str] = {}


def plain(name: str) -> str:
    """A relative name without its empty and `.` parts."""
    return "/".join(part for part in name.split("/") if part not in ("", "."))


def decoded(name: str, content: str) -> bytes:
    """The bytes of a file. Raises ValueError that names it."""
    try:
        return base64.b64decode("".join(content.split()), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"the content of {name[:80]!r} is no base64") from None


def _check_name(name: str) -> None:
    parts = plain(name).split("/")
    if name.startswith("/") or ".." in parts or parts == [""] or "\0" in name:
        raise ValueError(f"{name[:80]!r} must name a file in the work folder, such as data/in.txt")
    if len(name.encode()) > MAX_NAME_BYTES or max(len(part.encode()) for part in parts) > MAX_PART_BYTES:
        limit = f"{MAX_NAME_BYTES} bytes, and {MAX_PART_BYTES} between two slashes"
        raise ValueError(f"{name[:80]!r} is longer than {limit}")
