"""Programs that run in a box from a file, as `python program.py` runs them: with a name, lines in their tracebacks, and
the files beside them to import.

Knows nothing of what the program does; how it ended is the box's to say.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal, NamedTuple

# No name is left in the program's globals; the work folder is the current one.
_START = """__import__("sys").path.{put}__import__("os").getcwd())
"""

# The header names versions, which packages in a box do not have.
_PYTEST = """import os, pytest
fixed = ["--rootdir", os.getcwd(), "--no-header", "-p", "no:cacheprovider"]
raise SystemExit(int(pytest.main([{name!r}, *fixed, *{arguments!r}])))
"""


class Script(NamedTuple):
    """`source` is what the box runs; it needs `content` in the work folder under `name`. `script`: see `Program`."""

    source: str
    name: str
    content: bytes
    script: str = ""


def script(code: str, *, beside: Collection[str] = (), imports: Literal["first", "last"] = "first") -> Script:
    """Make a script of `code`, under a name that no file of `beside` has.

    `imports` says whether files beside it come before the standard library, as with Python, or cannot hide it.
    """
    name = _free("program", beside)
    put = "insert(0, " if imports == "first" else "append("
    return Script(_START.format(put=put), name, code.encode("utf-8", "surrogatepass"), name)


def pytest_script(code: str, arguments: Sequence[str] = (), *, beside: Collection[str] = ()) -> Script:
    """Make a script that runs `code` as a file of pytest tests. Its exit code is pytest's: 0 where all pass."""
    name = _free("test_program", beside)
    source = _PYTEST.format(name=name, arguments=list(arguments))
    return Script(source, name, code.encode("utf-8", "surrogatepass"))


def _free(stem: str, beside: Collection[str]) -> str:
    """A name that no file beside it has, nor a folder."""
    taken = {one.partition("/")[0] for one in beside}
    name, number = f"{stem}.py", 1
    while name in taken:
        name, number = f"{stem}_{number}.py", number + 1
    return name
