"""Programs that run in a box from a file, as `python program.py` runs them: with a name, lines in their tracebacks, and
the files beside them to import.

Knows nothing of what the program does; how it ended is the box's to say.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal, NamedTuple

SCRIPT = "program.py"
# No name but __file__ is left in the program's globals; the work folder is the current one.
_START = """__file__ = __import__("os").path.abspath({name!r})
__import__("sys").path.{put}__import__("os").getcwd())
exec(compile(open(__file__, "rb").read(), __file__, "exec", dont_inherit=True))
"""


class Script(NamedTuple):
    """`source` is what the box runs; it needs `content` in the work folder under `name`."""

    source: str
    name: str
    content: bytes


def script(code: str, *, beside: Collection[str] = (), imports: Literal["first", "last"] = "first") -> Script:
    """Make a script of `code`, under a name that no file of `beside` has.

    `imports` says whether files beside it come before the standard library, as with Python, or cannot hide it.
    """
    name, number = SCRIPT, 1
    while name in beside:
        name, number = f"program_{number}.py", number + 1
    put = "insert(0, " if imports == "first" else "append("
    return Script(_START.format(name=name, put=put), name, code.encode("utf-8", "surrogatepass"))
