"""Finds code in a text: its fenced blocks, and which of them is the answer.

Works on lines in linear time, for the text is a candidate's. Knows Python only, and reads it without
running it; what it does not understand it takes as it stands.
"""

from __future__ import annotations

import ast
import builtins
import re
import textwrap
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

MAX_PARSED_CHARS = 100_000  # of one candidate; parsing that much takes a tenth of a second
MAX_PARSED_BLOCKS = 100
CLOSING_INDENT = 3  # a closing fence may stand this much deeper than its opening one (CommonMark)
_PYTHON = frozenset(("python", "py", "python3", "py3"))
_FENCE = re.compile(r"^([ \t]*)(`{3,}|~{3,})[ \t]*([\w+#.-]*)([^\n]*)$")
_THOUGHT = re.compile(r"\s*+<(?:think|thinking)>", re.IGNORECASE)
_THOUGHT_ENDS = re.compile(r"</(?:think|thinking)>", re.IGNORECASE)
# Templates that write the opening tag themselves leave the closing one alone, at the edge of a line.
_LONE_THOUGHT_ENDS = re.compile(
    r"^[ \t]*+</(?:think|thinking)>|</(?:think|thinking)>[ \t]*+$", re.IGNORECASE | re.MULTILINE
)

_CODE = (
    ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom, ast.For, ast.While, ast.With,
    ast.Return,
)  # fmt: skip

# What a statement of `_CODE` begins with, at the beginning of a line or behind another statement.
_HEADS = ("@", "async", "def", "class", "import", "from", "for", "while", "with", "return")
# What code that stands among sentences begins with, at the margin; and a sentence, a heading or an empty line there.
_TOP_HEADS = ("@", "async def ", "def ", "class ", "import ", "from ")
_SENTENCE = re.compile(
    r"^(?:[ \t]*+$|(?:[-*+>#\u2022]{1,6}[ \t]+|\d{1,3}[.)][ \t]+)?[*_`\"'\u201c(]{0,3}[^\W\d_a-z][^=\n]*"
    r"[\w.:!?*_`\"'\u201d)][ \t]*$)"
)
_DEFINITION = re.compile(r"^(?:async[ \t]+)?(?:def|class)[ \t]+(\w+)", re.MULTILINE)


class Block(NamedTuple):
    """One fenced block. `language` is its tag in lower case, '' for none."""

    language: str
    source: str


class Chosen(NamedTuple):
    """The code of a text. `sure`: it reads as Python that does something (and has the entry point, if named)."""

    source: str
    sure: bool


def plain_text(text: str) -> str:
    """The text with one kind of line end and without a byte order mark: both are no part of an answer."""
    text = text.removeprefix("\ufeff")
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def spoken(text: str) -> str:
    """The text after its leading thought; empty where it ends inside of the thought."""
    text = plain_text(text)
    if "<" not in text or ("</" not in text and "<t" not in text and "<T" not in text):
        return text
    at = 0
    if not _THOUGHT.match(text) and (end := _LONE_THOUGHT_ENDS.search(text)):
        at = end.end()
    while begins := _THOUGHT.match(text, at):  # some think again at once
        end = _THOUGHT_ENDS.search(text, begins.end())
        at = end.end() if end else len(text)
    return text[at:].lstrip("\n") if at else text


def has_fences(text: str) -> bool:
    """Whether a text may hold a block. Most hold neither sign, which is known a hundred times as fast as the rest."""
    return ("`" in text and "```" in text) or ("~" in text and "~~~" in text)


def blocks(text: str) -> tuple[Block, ...]:
    """The fenced blocks in order; the last one may be closed by the end of the text."""
    if not has_fences(text):
        return ()
    return tuple(_blocks(plain_text(text).split("\n")))


def _blocks(lines: Sequence[str]) -> Iterator[Block]:
    fence, indent, language, inside = "", 0, "", list[str]()
    for line in lines:
        if fence:
            if _closes(line, fence, indent):
                yield Block(language, _joined(inside))
                fence = ""
            else:
                inside.append(_outdented(line, indent))
        elif (match := _FENCE.match(line)) and not ("`" in match[2] and "`" in match[4]):
            # A tick further on in the line makes it a word between ticks, which opens no block.
            fence, indent, language, inside = match[2], _width(match[1]), match[3].lower(), []
    if fence and "".join(inside).strip():
        yield Block(language, "\n".join(inside))


def _closes(line: str, fence: str, indent: int) -> bool:
    mark = line.strip(" \t")
    if not mark.startswith(fence) or mark.strip(fence[0]):
        return False
    return _width(line[: len(line) - len(line.lstrip(" \t"))]) <= indent + CLOSING_INDENT


def _width(indent: str) -> int:
    return len(indent.expandtabs(4))


def _outdented(line: str, indent: int) -> str:
    """Take away as much indentation as the fence has: the block of a list item is indented as a whole."""
    if not indent:
        return line
    space = len(line) - len(line.lstrip(" \t"))
    kept = line[:space].expandtabs(4)[indent:]
    return kept + line[space:]


def _joined(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


@dataclass
class CodeFinder:
    """Chooses the code of the texts of one candidate; they share one allowance for parsing."""

    entry_point: str | None = None
    chars: int = MAX_PARSED_CHARS
    parses: int = MAX_PARSED_BLOCKS

    def in_answer(self, text: str) -> str:
        """The code of an answer that should be code: its chosen block, else all of it."""
        answer = spoken(text)
        chosen = self.in_text(answer)
        return answer if chosen is None else chosen.source

    def in_text(self, text: str) -> Chosen | None:
        """The code of a text after its thought; None where it holds no block and is no code itself."""
        text = spoken(text)
        # Fences inside of code that is not fenced itself stand in its comments and texts.
        whole = self._parsed(text) if _may_define(text) else None
        if whole is not None and self._is_answer(whole) and _defines(whole):
            return Chosen(text, sure=True)
        found = blocks(text)
        if not found:
            return self._between_prose(text) if whole is None and _may_define(text) else None
        return self._of_blocks(found, text)

    def _between_prose(self, text: str) -> Chosen | None:
        """Definitions that stand unfenced in a text whose other lines are all sentences or headings.

        Where another line is left over, it may be a part of the program that is broken: then there is none.
        """
        lines, kept, at = text.split("\n"), list[str](), 0
        while at < len(lines):
            count = self._parsed_lines(lines[at:]) if lines[at].startswith(_TOP_HEADS) else 0
            if not count and not _SENTENCE.match(lines[at]):
                return None
            kept += lines[at : at + count]
            at += count or 1
        source = _joined(kept)
        tree = self._parsed(source) if kept else None
        if tree is None or not _functions(tree) or not self._is_answer(tree):
            return None
        return Chosen(source, sure=True)

    def _parsed_lines(self, lines: Sequence[str]) -> int:
        """How many of the first lines are one program, up to the first sentence at the margin."""
        ends = (index for index, line in enumerate(lines) if index and _SENTENCE.match(line) and line.strip())
        end = next(ends, len(lines))
        return end if self._parsed(_joined(lines[:end])) is not None else 0

    def _of_blocks(self, found: Sequence[Block], text: str) -> Chosen:
        python = [block for block in reversed(found) if not block.language or block.language in _PYTHON]
        possible = list(reversed(dict.fromkeys(python)))  # a block that is there again is read once
        trees = {block: tree for block in reversed(possible) if (tree := self._parsed(block.source))}
        main = self._main(possible, trees)
        if main in trees:
            return Chosen(
                _with_needed(main, [block for block in possible if block in trees], trees), sure=True
            )
        around = _around(text)
        tree = self._parsed(around) if len(found) > 1 else None
        if tree is not None and self._is_answer(tree):
            return Chosen(around, sure=True)
        if main is not None:
            return Chosen(main.source, sure=True)
        return Chosen(_fallback(found, possible), sure=False)

    def _main(self, possible: Sequence[Block], trees: Mapping[Block, ast.Module]) -> Block | None:
        """The last block with the entry point; where none is named: the last in Python, else with a definition.

        A last block that is broken is the answer as well: an earlier draft does not take its place.
        """
        answers = [block for block in reversed(possible) if self._answers(block, trees.get(block))]
        if self.entry_point:
            return next(iter(answers), None)
        tagged = [block for block in answers if block.language]
        defining = [block for block in answers if block not in trees or _defines(trees[block])]
        return next(iter([*tagged, *defining, *answers]), None)

    def _answers(self, block: Block, tree: ast.Module | None) -> bool:
        if tree is not None:
            return self._is_answer(tree)
        top = self.entry_point.partition(".")[0] if self.entry_point else None
        return any(top is None or match[1] == top for match in _DEFINITION.finditer(block.source))

    def _is_answer(self, tree: ast.Module) -> bool:
        if self.entry_point:
            return self.entry_point.partition(".")[0] in _bound(tree)
        return any(_acts(statement) for statement in tree.body)

    def _parsed(self, source: str) -> ast.Module | None:
        """The source as Python, or None. A body without its head counts: some tasks ask for just that."""
        if len(source) > self.chars or not self.parses:
            return None
        self.chars, self.parses = self.chars - len(source), self.parses - 1
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of an odd escape in a text that is not ours
            try:
                return ast.parse(textwrap.dedent(source))
            except (ValueError, SyntaxError, MemoryError, RecursionError):
                return None


def _fallback(found: Sequence[Block], possible: Sequence[Block]) -> str:
    """The last block that says it is Python, else the last without a tag, else the last."""
    tagged = [block for block in possible if block.language]
    return (tagged or possible or found)[-1].source


def _around(text: str) -> str:
    """All between the first fence and the last: code may hold fences of its own in its texts."""
    lines = text.split("\n")
    fences = [index for index, line in enumerate(lines) if _FENCE.match(line)]
    return _joined(lines[fences[0] + 1 : fences[-1]])


def _with_needed(main: Block, read: Sequence[Block], trees: Mapping[Block, ast.Module]) -> str:
    """The block with the other blocks that define what it uses and does not define, in the order of the text."""
    owners = {name: block for block in read for name in _bound(trees[block])}
    parts, waiting = {main}, [main]
    defined = set(_bound(trees[main]))
    while waiting:
        for name in sorted(_used(trees[waiting.pop()]) - defined):
            owner = owners.get(name)
            if owner is not None and owner not in parts:
                parts.add(owner)
                waiting.append(owner)
                defined |= _bound(trees[owner])
    if len(parts) == 1:
        return main.source
    return "\n".join(block.source for block in read if block in parts)


def _acts(statement: ast.stmt) -> bool:
    """Whether a statement does something: the printed output of a program often reads as Python, too."""
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, (ast.Call, ast.Await))
    literal = isinstance(statement, (ast.Assign, ast.AnnAssign)) and isinstance(statement.value, ast.Constant)
    return not literal and not (isinstance(statement, ast.AnnAssign) and statement.value is None)


def _may_define(text: str) -> bool:
    """Whether `_defines` may hold of the text, known without reading it as Python: prose is read fast."""
    return ";" in text or any(line.lstrip(" \t\f").startswith(_HEADS) for line in text.split("\n"))


def _defines(tree: ast.Module) -> bool:
    """Whether it holds a function or a class, an import or a loop: prose and printed output never do."""
    return any(isinstance(node, _CODE) for node in tree.body)


def _functions(tree: ast.Module) -> bool:
    return any(isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) for node in tree.body)


def _bound(tree: ast.Module) -> set[str]:
    """The names that the module has once it ran, whatever branch it took."""
    names, statements = set[str](), list[ast.stmt](tree.body)
    while statements:
        node = statements.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
            continue
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names |= {alias.asname or alias.name.partition(".")[0] for alias in node.names}
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.stmt):
                statements.append(child)
            elif isinstance(child, ast.ExceptHandler):
                statements += child.body
            else:
                names |= {part.id for part in ast.walk(child) if _stored(part)}  # type: ignore[attr-defined]
    return names


def _stored(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)


def _used(tree: ast.Module) -> set[str]:
    """The names that are read anywhere and bound nowhere in the module."""
    read, bound = set[str](), _bound(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            (read if isinstance(node.ctx, ast.Load) else bound).add(node.id)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
    return read - bound - set(dir(builtins))
