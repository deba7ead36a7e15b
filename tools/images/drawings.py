"""Finds the code with which a candidate draws: an SVG, or a Python program for matplotlib.

An SVG is taken from the last artifact that holds one, else from the final answer or the last turn that does; of several
in one text the last one counts. Python is what `code_under_test` finds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from judge_agent.schema import DrawingKind, Trajectory
from judge_agent.trajectory import code_under_test, fenced_blocks, read

MAX_SVG_CHARS = 2_000_000
MAX_CODE_CHARS = 200_000
_TAG = re.compile(r"<svg\b[^<>]*/>|<svg\b|</svg\s*>")
_PLOTS = re.compile(r"\b(?:matplotlib|pyplot|plt|savefig)\b")
_MAY_DRAW = re.compile(r"<svg\b|\bimport\b|\bplt\.|```|~~~")


class DrawingCode(NamedTuple):
    """What is to be drawn from. `sure`: it was written as code, so that prose is not taken for a program."""

    kind: DrawingKind
    source: str
    sure: bool
    step_id: str | None = None


class NoDrawing(NamedTuple):
    """There is none. `in_doubt`: something in the answer may be code that was not recognised."""

    in_doubt: bool


def drawing_code(trajectory: Trajectory, kind: DrawingKind | None) -> DrawingCode | NoDrawing:
    """The candidate's drawing, of this kind where one is given."""
    program = None if kind == "svg" else _program(trajectory)
    if program is not None and (kind == "matplotlib" or _PLOTS.search(program.source)):
        return program
    drawing = None if kind == "matplotlib" else _svg(trajectory)
    if drawing is not None:
        return drawing
    return NoDrawing(any(_MAY_DRAW.search(text) for text in _texts(trajectory)))


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
