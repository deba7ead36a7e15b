"""What every kind of box refuses before it begins: programs that are too large, files whose names lead elsewhere.

Does NOT protect against anything that a program does when it runs.
"""

from __future__ import annotations

from judge_agent.seams.sandbox import BoxResult, Limits, Program

_SHOWN = 200
_AT_LEAST_ONE = ("cpu_seconds", "disk_bytes", "files", "processes")
_AT_LEAST_NONE = (
    "wall_seconds",
    "memory_bytes",
    "open_files",
    "output_bytes",
    "program_bytes",
    "artifacts",
    "artifact_bytes",
)
_MAX_PART_BYTES, _MAX_NAME_BYTES = 255, 4000


def refused_size(program: Program, limits: Limits) -> BoxResult | None:
    """The result of a program that is larger than `program_bytes`; None for one that is not."""
    texts = (program.source, *program.modules.values())
    size = sum(len(text.encode("utf-8", "surrogatepass")) for text in texts)
    size += len(program.stdin) + sum(map(len, program.files.values()))
    if size <= limits.program_bytes:
        return None
    message = f"the program has {size} bytes; the limit is program_bytes={limits.program_bytes}"
    return BoxResult("refused", "program_bytes", stderr=message.encode())


def check_limits(limits: Limits) -> None:
    """Raises ValueError for a ceiling that is none: of zero bytes or files some kernels make no limit at all."""
    for name in _AT_LEAST_ONE:
        if getattr(limits, name) < 1:
            raise ValueError(f"Limits.{name} is {getattr(limits, name)!r}; the least is 1")
    for name in _AT_LEAST_NONE:
        if getattr(limits, name) < 0:
            raise ValueError(f"Limits.{name} is {getattr(limits, name)!r}; the least is 0")


def check_names(program: Program) -> None:
    """Files go into the work folder and nowhere else. Raises ValueError."""
    for name in program.files:
        parts = name.split("/")
        if "\0" in name or any(part in ("", ".", "..") for part in parts):
            raise ValueError(f"the file name {name[:_SHOWN]!r} is no relative path inside the work folder")
        sizes = [len(part.encode("utf-8", "surrogatepass")) for part in parts]
        if max(sizes) > _MAX_PART_BYTES or sum(sizes) + len(sizes) > _MAX_NAME_BYTES:
            raise ValueError(f"the file name {name[:_SHOWN]!r} is too long")
        if any("\ud800" <= letter <= "\udfff" for letter in name):
            raise ValueError(f"the file name {name[:_SHOWN]!r} is no Unicode text")
        if any("/".join(parts[:count]) in program.files for count in range(1, len(parts))):
            raise ValueError(f"the file name {name[:_SHOWN]!r} lies beneath another file")
