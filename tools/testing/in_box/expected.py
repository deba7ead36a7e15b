"""Whether a test's own text catches an error of the code at the place where it calls the code.

Python ends loops and look-ups by exceptions: a StopIteration out of `map(candidate, xs)` ends the loop around it, a
KeyError out of a test's mapping is a default. Where the text does not catch such an error there, it is handed over as
one of another kind, which nothing but the test itself can take for an answer.
Reads lines, not columns: what stands on the line of a `try` body counts as in it.
"""

from __future__ import annotations

import ast
import types
from collections.abc import Iterator
from typing import Any, NamedTuple

TEST_FILE = "<test>"
# what Python's own protocols take as an answer: the end of a loop, a missing member, a length that is not known
TAKEN_AS_ANSWERS = (StopIteration, StopAsyncIteration, LookupError, AttributeError, TypeError)
_CATCH_ALL = (Exception, BaseException)
_MANAGED = ("expected_exception", "expected_exceptions", "expected", "_exceptions")


class Catcher(NamedTuple):
    """Lines in which errors are caught, and what names their types. `handler`: it is an `except`."""

    first: int
    last: int
    kinds: tuple[ast.expr, ...]
    handler: bool


class Caught(NamedTuple):
    """A frame of the test that catches an error. `exactly`: by its type, not by catching every error."""

    frame: types.FrameType
    handler: bool
    exactly: bool


def read_catchers(tree: ast.AST) -> tuple[Catcher, ...]:
    """Every `try` body, `with` body and call that is given a type of errors."""
    return tuple(one for node in ast.walk(tree) for one in _catchers(node))


def _catchers(node: ast.AST) -> Iterator[Catcher]:
    if isinstance(node, (ast.Try, ast.TryStar)) and node.handlers:
        kinds = tuple(one.type or ast.Name("BaseException") for one in node.handlers)
        yield Catcher(*_lines(node.body), kinds, True)
    elif isinstance(node, (ast.With, ast.AsyncWith)):
        kinds = tuple(one for item in node.items for one in (item.context_expr, *_given(item.context_expr)))
        yield Catcher(*_lines(node.body), kinds, False)
    elif isinstance(node, ast.Call) and (given := _given(node)):
        yield Catcher(node.lineno, node.end_lineno or node.lineno, tuple(given), False)


def _lines(body: list[ast.stmt]) -> tuple[int, int]:
    return body[0].lineno, max(one.end_lineno or one.lineno for one in body)


def _given(node: ast.expr) -> list[ast.expr]:
    if not isinstance(node, ast.Call):
        return []
    given = [*node.args, *(one.value for one in node.keywords)]
    return [one for one in given if isinstance(one, (ast.Name, ast.Attribute, ast.Tuple))]


def who_catches(
    kind: type[BaseException], frame: types.FrameType | None, catchers: tuple[Catcher, ...], file: str
) -> Caught | None:
    """The nearest frame of the test's text that catches an error of this kind where it stands now."""
    while frame is not None:
        if frame.f_code.co_filename == file:
            inner_first = sorted(catchers, key=lambda one: one.last - one.first)
            for one in inner_first:
                if one.first <= (frame.f_lineno or 0) <= one.last:
                    caught = [found for found in _types(one.kinds, frame) if issubclass(kind, found)]
                    if caught:
                        exactly = any(found not in _CATCH_ALL for found in caught)
                        return Caught(frame, one.handler, exactly)
        frame = frame.f_back
    return None


def _types(kinds: tuple[ast.expr, ...], frame: types.FrameType) -> Iterator[type[BaseException]]:
    for kind in kinds:
        yield from _errors(_value(kind, frame))


def _errors(value: object) -> Iterator[type[BaseException]]:
    if isinstance(value, type):
        if issubclass(value, BaseException):
            yield value
    elif isinstance(value, tuple):
        for one in value:
            yield from _errors(one)
    elif value is not None:
        for name in _MANAGED:  # what `pytest.raises`, `assertRaises` and `suppress` keep
            managed = vars(type(value)).get(name) or getattr(value, "__dict__", {}).get(name)
            yield from _errors(managed) if isinstance(managed, (type, tuple)) else ()


def _value(node: ast.expr, frame: types.FrameType) -> Any:
    """What a name, or a name in a module, means in a frame; None for every other expression."""
    if isinstance(node, ast.Tuple):
        return tuple(_value(one, frame) for one in node.elts)
    if isinstance(node, ast.Name):
        for names in (frame.f_locals, frame.f_globals, frame.f_builtins):
            if node.id in names:
                return names[node.id]
    if isinstance(node, ast.Attribute):
        owner = _value(node.value, frame)
        return vars(owner).get(node.attr) if type(owner) is types.ModuleType else None
    return None


def reached(error: BaseException, frame: types.FrameType) -> bool:
    """Whether an error came as far as a frame that catches it, and was not taken for an answer on its way."""
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame is frame:
            return True
        trace = trace.tb_next
    return False


def ended_a_thread(error: BaseException) -> bool:
    """Whether an error came as far as the end of a thread, which takes no notice of it."""
    frame = error.__traceback__.tb_frame if error.__traceback__ is not None else None
    return (
        frame is not None
        and frame.f_code.co_name == "_bootstrap_inner"
        and frame.f_globals.get("__name__") == "threading"
    )
