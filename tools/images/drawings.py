"""Finds the code with which a candidate draws: an HTML page, an SVG, or a Python program for matplotlib.

An SVG is taken from the last artifact that holds one, else from the final answer or the last turn that does; of several
in one text the last one counts. Python is what `code_under_test` finds, a page what `browse` would open.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import NamedTuple

from judge_agent.schema import DrawingKind, Trajectory
from judge_agent.seams.browser import ServedSite
from judge_agent.seams.tool import ToolView
from judge_agent.trajectory import code_under_test, fenced_blocks, read
from tools.browsing.sites import candidate_files, own_site

MAX_SVG_CHARS = 2_000_000
MAX_CODE_CHARS = 200_000
_TAG = re.compile(r"<svg\b[^<>]*/>|<svg\b|</svg\s*>")
_PLOTS = re.compile(r"\b(?:matplotlib|pyplot|plt|savefig)\b")
_SIGNS = ("<", "matplotlib", "pyplot", "plt", "savefig")
_MAY_DRAW = re.compile(r"<[A-Za-z!]|\bimport\b|\bplt\.|```|~~~")
_PAGES = (".html", ".htm", ".xhtml")
_NO_PAGE = (b"<svg", b"<?xml")
_EMBEDDED = re.compile(r"data:image/(?!svg)[\w.+-]+;base64,")


class DrawingCode(NamedTuple):
    """What is to be drawn from. `sure`: it was written as code, so that prose is not taken for a program.

    `site` is what a page is shown from; `left_out` says which files of the candidate are not there.
    """

    kind: DrawingKind
    source: str
    sure: bool
    step_id: str | None = None
    site: ServedSite | None = None
    left_out: tuple[str, ...] = ()

    @property
    def sha256(self) -> str:
        """Of the source; of a page, of all its files."""
        return hashlib.sha256(self.source.encode("utf-8", "replace")).hexdigest()

    @property
    def embedded_pictures(self) -> int:
        """How many pictures the code brings along instead of drawing them."""
        return len(_EMBEDDED.findall(self.source))


class NoDrawing(NamedTuple):
    """There is none. `in_doubt`: something in the answer may be code that was not recognised."""

    in_doubt: bool


def drawing_code(view: ToolView, kind: DrawingKind | None) -> DrawingCode | NoDrawing:
    """The candidate's drawing, of this kind where one is given: else a program that plots, a page, an SVG."""
    found = recognised_drawing(view, kind)
    if found is not None:
        return found
    return NoDrawing(any(_MAY_DRAW.search(text) for text in _texts(view.trajectory)))


def recognised_drawing(view: ToolView, kind: DrawingKind | None) -> DrawingCode | None:
    """The same, None where there is none."""
    trajectory = view.trajectory
    if kind is None and not trajectory.artifacts and not any(map(_may_be_drawn, _texts(trajectory))):
        return None  # nearly every answer: reading its code would cost more than this look
    program = _program(trajectory) if kind in (None, "matplotlib") else None
    if program is not None and (kind == "matplotlib" or _PLOTS.search(program.source)):
        return program
    page = _page(view, kind) if kind in (None, "html") else None
    if page is not None:
        return page
    return _svg(trajectory) if kind in (None, "svg") else None


def _may_be_drawn(text: str) -> bool:
    return any(sign in text for sign in _SIGNS)


def _page(view: ToolView, kind: DrawingKind | None) -> DrawingCode | None:
    """The candidate's page; one that is an SVG is a page only for who asks for a page."""
    files = candidate_files(view)
    pages = [(path.lower(), one.body.lstrip()) for path, one in files.answers.items()]
    html = any(path.endswith(_PAGES) and not body.startswith(_NO_PAGE) for path, body in pages)
    if not html and not (kind == "html" and any(path.endswith((*_PAGES, ".svg")) for path, _ in pages)):
        return None
    listed = sorted(files.answers.items())
    source = "\n".join(f"{path}\n{one.body.decode('utf-8', 'replace')}" for path, one in listed)
    return DrawingCode("html", source, True, None, own_site(files.answers), tuple(files.left_out))


def _program(trajectory: Trajectory) -> DrawingCode | None:
    found = code_under_test(trajectory)
    if found is None or found.source.lstrip().startswith("<") or len(found.source) > MAX_CODE_CHARS:
        return None
    sure = found.origin != "final_answer" or bool(fenced_blocks(trajectory.final_answer or ""))
    return DrawingCode("matplotlib", found.source, sure, found.step_id)


def _svg(trajectory: Trajectory) -> DrawingCode | None:
    for text in _texts(trajectory):
        for block in (*reversed(fenced_blocks(text)), text):
            if found := last_svg(block):
                return DrawingCode("svg", found, True)
    return None


def _texts(trajectory: Trajectory) -> Iterator[str]:
    """What the candidate wrote, the most final first."""
    for artifact in reversed(trajectory.artifacts):
        if artifact.kind != "image":
            yield artifact.content
    yield trajectory.final_answer or ""
    for step in reversed(read(trajectory).steps):
        yield step.turn.text


def last_svg(text: str) -> str | None:
    """The last whole `<svg>` element of a text; with its prolog where the text holds nothing else. Linear."""
    depth, start, found = 0, 0, list[tuple[int, int]]()
    for tag in _TAG.finditer(text):
        if tag.group().endswith("/>"):
            continue
        if tag.group() == "<svg":
            start, depth = (tag.start() if depth == 0 else start), depth + 1
        elif depth:
            depth -= 1
            if depth == 0:
                found.append((start, tag.end()))
    if not found:
        return None
    begin, end = found[-1]
    plain = text.strip().lstrip("\ufeff")
    alone = len(found) == 1 and plain.startswith(("<?xml", "<!DOCTYPE")) and plain.endswith("</svg>")
    return (plain if alone else text[begin:end])[: MAX_SVG_CHARS + 1]
