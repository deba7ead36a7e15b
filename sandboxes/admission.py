"""What every kind of box refuses before it begins: programs that are too large, files whose names lead elsewhere.

Does NOT protect against anything that a program does when it runs.
"""

from __future__ import annotations

from judge_agent.seams.sandbox import BoxResult, Limits, Program

_SHOWN = 200
_MAX_PART_BYTES, _MAX_NAME_BYTES = 255, 4000


def refused_size(program: Program, limits: Limits) -> BoxResult | None:
    """The result of a program that is larger than `program_bytes`; None for one that is not."""
    size = len(program.source) + sum(map(len, program.modules.values())) + len(program.stdin)
    size += sum(map(len, program.files.values()))
    if size <= limits.program_bytes:
        return None
    message = f"the program has {size} bytes; the limit is program_bytes={limits.program_bytes}"
    return BoxResult("refused", "program_bytes", stderr=message.encode())


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
