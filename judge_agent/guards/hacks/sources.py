"""The Python that a candidate gives as its work, parsed within bounds. It is read, never run.

Code of other languages, and code past the bounds, is not looked at.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

from judge_agent.fenced_code import blocks, has_fences, spoken
from judge_agent.guards.hacks.found import MAX_QUOTE_CHARS, MAX_REASON_CHARS, Hack
from judge_agent.recipes import Detector
from judge_agent.schema import Strength, Trajectory
from judge_agent.trajectory import read

MAX_CHARS = 100_000  # of one candidate; parsing that much takes a tenth of a second
MAX_SOURCES = 24
_PYTHON = frozenset(("", "python", "py", "python3", "py3"))


@dataclass(frozen=True)
class Code:
    """One program: its tree, and where its text begins in the text that it stands in."""

    where: str
    part: str
    source: str
    tree: ast.Module
    begin: int
    step_id: str | None = None

    def hack(self, detector: Detector, node: ast.AST, strength: Strength, reason: str) -> Hack:
        """The find at a node of the tree."""
        start, end = self._span(node)
        quote = self.source[start:end][:MAX_QUOTE_CHARS]
        offsets = (self.begin + start, self.begin + end)
        return Hack(
            detector,
            self.where,
            self.part,
            quote,
            offsets,
            strength,
            reason[:MAX_REASON_CHARS],
            "claim",
            self.step_id,
        )

    def _span(self, node: ast.AST) -> tuple[int, int]:
        lines = self.source.splitlines(keepends=True)
        start = self._at(lines, getattr(node, "lineno", 1), getattr(node, "col_offset", 0))
        end = self._at(
            lines, getattr(node, "end_lineno", None) or 1, getattr(node, "end_col_offset", None) or 0
        )
        return start, max(start, end)

    @staticmethod
    def _at(lines: list[str], line: int, column: int) -> int:
        """Columns of the tree count bytes; offsets count characters."""
        within = (
            lines[line - 1].encode("utf-8", "replace")[:column].decode("utf-8", "replace") if lines else ""
        )
        return sum(map(len, lines[: line - 1])) + len(within)


def sources_of(trajectory: Trajectory) -> Iterator[Code]:
    """The candidate's programs: code artifacts, the blocks of its answers, a final answer that is code; each once."""
    left = MAX_CHARS
    seen: set[str] = set()
    for index, (where, part, text, begin, step_id) in enumerate(_texts(trajectory)):
        if text in seen:
            continue
        seen.add(text)
        if index >= MAX_SOURCES or len(text) > left:
            return
        left -= len(text)
        tree = parsed(text)
        if tree is not None and tree.body:
            yield Code(where, part, text, tree, begin, step_id)


def parsed(source: str) -> ast.Module | None:
    """The source as Python; None for what is none, or nested deeper than the parser goes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of an odd escape in a text that is not ours
        try:
            return ast.parse(source)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return None


def _texts(trajectory: Trajectory) -> Iterator[tuple[str, str, str, int, str | None]]:
    for index, artifact in enumerate(trajectory.artifacts):
        if artifact.kind == "code" or artifact.name.endswith(".py"):
            yield f"a{index}", "content", artifact.content, 0, None
    if trajectory.final_answer is not None:
        yield from _of_answer("final", trajectory.final_answer, None, whole=True)
    steps = read(trajectory).steps
    for step in reversed(steps):
        yield from _of_answer(step.turn.span_id, step.turn.text, step.id, whole=step is steps[-1])


def _of_answer(
    where: str, text: str, step_id: str | None, *, whole: bool
) -> Iterator[tuple[str, str, str, int, str | None]]:
    if has_fences(text):
        for block in blocks(text):
            if block.language in _PYTHON:
                at = text.find(block.source.strip("\n")) if block.source.strip() else -1
                yield where, "text", block.source.strip("\n"), max(at, 0), step_id
    elif whole and _may_be_code(text):
        said = spoken(text)
        yield where, "text", said, max(text.find(said), 0), step_id


def _may_be_code(text: str) -> bool:
    return any(word in text for word in ("def ", "import ", "class ", "print(", "lambda", "= "))
