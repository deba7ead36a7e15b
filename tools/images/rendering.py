"""Draws what a candidate's program or SVG draws, in a box in which nothing else lies: no target, no reference.

A program for matplotlib is run as a file; the newest picture that it saved counts, else the figure that it left open.
An SVG is drawn by resvg: without scripts, network and files. What comes out is bytes that nobody trusts.

Does not know the files, packages and versions that the code was written for: only an error of the language itself is
the code's own for sure.
"""

from __future__ import annotations

import re

from judge_agent.seams.sandbox import BoxResult, Program
from tools.images.box import BoxLimits, Done, PictureBox, PictureRefused, missing
from tools.images.drawings import DrawingCode
from tools.images.drawn import Drawn, Failure, held
from tools.scripts import script

DRAWING = "drawing.png"
_FONTS = ("/box/site/matplotlib/mpl-data/fonts/ttf",)
_OWN_ERRORS = ("SyntaxError", "IndentationError", "TabError", "NameError", "UnboundLocalError")
_LAST_ERROR = re.compile(r"^([A-Za-z_][\w.]{0,80})(?:: (.{0,300}))?$")
_LACKING = re.compile(r"^No module named '([\w.]{1,80})'")
# Set before the program begins, done when it has ended: also when it failed half-way.
_PROLOGUE = """
import os as _os
_os.environ["MPLBACKEND"] = "Agg"
def _keep():
    import glob, os, shutil, sys
    found = [name for end in ("png", "jpg", "jpeg", "webp") for name in glob.glob(f"**/*.{end}", recursive=True)]
    found = [name for name in found if os.path.isfile(name) and not os.path.islink(name)]
    plots = sys.modules.get("matplotlib.pyplot")
    if found:
        shutil.copyfile(max(found, key=lambda name: (os.stat(name).st_mtime_ns, name)), "__drawn__")
        os.replace("__drawn__", "drawing.png")
    elif plots is not None and plots.get_fignums():
        plots.gcf().savefig("drawing.png")
import atexit as _atexit
try:
    import matplotlib._pylab_helpers  # closes all figures at the end: what is registered later comes earlier
    del matplotlib
except ImportError:
    pass
_atexit.register(_keep)
del _atexit, _keep, _os
"""


async def rendered(
    box: PictureBox,
    code: DrawingCode,
    size: tuple[int | None, int | None],
    limits: BoxLimits,
    *,
    seed: int,
) -> Drawn | Failure:
    """What the code draws; an SVG at this size (None: its own). Raises ToolError, SandboxError."""
    if code.kind == "svg":
        return await _svg(box, code, size, limits, seed=seed)
    made = script(code.source)
    program = Program(
        _PROLOGUE + made.source,
        seed=seed,
        files={made.name: made.content},
        collect=(DRAWING,),
        warm="images",
        script=made.script,
    )
    result = await box.run(program)
    return _drawn(result, code, limits)


def _drawn(result: BoxResult, code: DrawingCode, limits: BoxLimits) -> Drawn | Failure:
    if result.limit is not None:
        return Failure(f"the program used up its {result.limit}", own=False)
    error = _last_error(result.stderr) if result.status != "ok" else None
    if error is not None:
        name, words = error
        if lacking := _LACKING.match(words):
            raise missing(lacking.group(1))
        return Failure(f"the program fails: {name}: {words}"[:200], own=code.sure and name in _OWN_ERRORS)
    if result.status != "ok":
        return Failure(f"the program ends with exit code {result.exit_code}", own=False)
    content = next((one.content for one in result.artifacts if one.name == DRAWING), None)
    if content is None:
        return Failure("the program draws no picture", own=False)
    return held(content, limits)


def _last_error(stderr: bytes) -> tuple[str, str] | None:
    """The name and words of the error that a program ended with."""
    for line in reversed(stderr[-8000:].decode("utf-8", "replace").splitlines()):
        if found := _LAST_ERROR.match(line):
            return found.group(1), found.group(2) or ""
    return None


async def _svg(
    box: PictureBox,
    code: DrawingCode,
    size: tuple[int | None, int | None],
    limits: BoxLimits,
    *,
    seed: int,
) -> Drawn | Failure:
    job = {"task": "draw", "file": "drawing.svg", "size": list(size), "fonts": list(_FONTS)}
    files = {"drawing.svg": code.source.encode("utf-8", "replace")}
    try:
        done: Done = await box.do(job, files, seed=seed, collect=(DRAWING,))
    except PictureRefused as why:
        return Failure(str(why).replace("the picture", "the SVG"), own=False)
    content = done.files.get(DRAWING)
    return Failure("the SVG draws no picture", own=False) if content is None else held(content, limits)
