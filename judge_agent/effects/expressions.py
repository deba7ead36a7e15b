"""Reads expressions of declared effects: a small part of Python's grammar, over JSON values.

There are literals, `a.b` and `a['b']` for keys and items, arithmetic, comparisons, `and or not`, `x if c else y`,
lists, objects, comprehensions, and the functions of `FUNCTIONS`. `true`, `false` and `null` may be written so.
There are no methods, no attributes of anything but JSON objects, no names but those in scope. A text is parsed, never
run; what is not listed here is refused when it is read.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

MAX_CHARS = 2000
MAX_DEPTH = 40
MAX_NODES = 600
# Least and most arguments of each function.
FUNCTIONS: Mapping[str, tuple[int, int]] = {
    "len": (1, 1),
    "sum": (1, 1),
    "min": (1, 8),
    "max": (1, 8),
    "abs": (1, 1),
    "round": (1, 2),
    "any": (1, 1),
    "all": (1, 1),
    "first": (1, 2),
    "get": (2, 3),
    "keys": (1, 1),
    "values": (1, 1),
    "merge": (2, 2),
    "sorted": (1, 1),
    "unique": (1, 1),
    "range": (1, 1),
    "number": (1, 1),
    "text": (1, 1),
    "type": (1, 1),
    "lower": (1, 1),
    "upper": (1, 1),
    "strip": (1, 1),
    "split": (2, 2),
    "join": (2, 2),
    "replace": (3, 3),
    "starts_with": (2, 2),
    "ends_with": (2, 2),
}
CONSTANTS: Mapping[str, bool | None] = {"true": True, "false": False, "null": None}
_PLAIN = (ast.Attribute, ast.Subscript, ast.List, ast.BoolOp, ast.IfExp, ast.Load)
_OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.USub, ast.Not, ast.And, ast.Or)
_COMPARISONS = (ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.In, ast.NotIn)


class NotAnExpression(ValueError):
    """The text is no expression of this language; the message says why."""


@dataclass(frozen=True)
class Expression:
    """A checked tree. `names` are the names from outside that it uses."""

    text: str
    tree: ast.expr
    names: frozenset[str]

    @property
    def is_place(self) -> bool:
        """Whether it names a key or an item of something, so that it can be written to."""
        return isinstance(self.tree, (ast.Attribute, ast.Subscript))


def read_expression(text: object, scope: Iterable[str]) -> Expression:
    """Read a text into a checked tree. Raises NotAnExpression, also for a name that is not in `scope`."""
    if not isinstance(text, str):
        raise NotAnExpression(f"must be an expression (text), not {type(text).__name__}")
    if len(text) > MAX_CHARS:
        raise NotAnExpression(f"has {len(text)} characters; the limit is {MAX_CHARS}")
    tree = _parsed(text)
    used = set[str]()
    _Check(frozenset(scope) | CONSTANTS.keys(), used).visit(tree)
    return Expression(text, tree, frozenset(used))


def _parsed(text: str) -> ast.expr:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of an odd escape in a text that is not ours
            tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        raise NotAnExpression(f"is no expression: {error}") from error
    level, nodes = [tree], 0
    for _ in range(MAX_DEPTH):
        nodes += len(level)
        level = [child for node in level for child in ast.iter_child_nodes(node)]  # type: ignore[misc]
        if not level:
            break
    if level or nodes > MAX_NODES:
        raise NotAnExpression(f"is larger than {MAX_NODES} parts or {MAX_DEPTH} levels")
    return tree


class _Check:
    """Walks a tree and refuses what the language does not have."""

    def __init__(self, scope: frozenset[str], used: set[str]) -> None:
        self._scope = scope
        self._used = used

    def visit(self, node: ast.AST) -> None:
        if isinstance(node, ast.Name):
            self._name(node)
        elif isinstance(node, ast.Constant):
            self._constant(node)
        elif isinstance(node, ast.Call):
            self._call(node)
        elif isinstance(node, (ast.ListComp, ast.GeneratorExp)):
            self._comprehension(node)
        elif self._is_known(node):
            for child in ast.iter_child_nodes(node):
                self.visit(child)
        else:
            raise NotAnExpression(f"{_shown(node)} is not part of the language")

    def _is_known(self, node: ast.AST) -> bool:
        if isinstance(node, ast.Subscript):
            return not isinstance(node.slice, (ast.Slice, ast.Tuple))
        if isinstance(node, ast.Dict):
            return all(key is not None for key in node.keys)
        if isinstance(node, ast.BinOp):
            return isinstance(node.op, _OPERATORS)
        if isinstance(node, ast.UnaryOp):
            return isinstance(node.op, _OPERATORS)
        if isinstance(node, ast.Compare):
            return all(isinstance(operator, _COMPARISONS) for operator in node.ops)
        return isinstance(node, (*_PLAIN, *_OPERATORS, *_COMPARISONS))

    def _name(self, node: ast.Name) -> None:
        if node.id not in self._scope:
            named = ", ".join(sorted(self._scope - CONSTANTS.keys()))
            raise NotAnExpression(f"there is no name {node.id!r} here; there are {named}")
        self._used.add(node.id)

    def _constant(self, node: ast.Constant) -> None:
        value = node.value
        if value is not None and not isinstance(value, (bool, int, float, str)):
            raise NotAnExpression(f"{_shown(node)} is no JSON value")
        if isinstance(value, float) and value in (float("inf"), float("-inf")):
            raise NotAnExpression(f"{_shown(node)} is too large a number")

    def _call(self, node: ast.Call) -> None:
        name = node.func.id if isinstance(node.func, ast.Name) else None
        if name is None or name not in FUNCTIONS:
            raise NotAnExpression(
                f"there is no function {_shown(node.func)}; there are {', '.join(FUNCTIONS)}"
            )
        least, most = FUNCTIONS[name]
        if node.keywords or not least <= len(node.args) <= most:
            raise NotAnExpression(f"{name} takes {least} to {most} arguments without names")
        for argument in node.args:
            self.visit(argument)

    def _comprehension(self, node: ast.ListComp | ast.GeneratorExp) -> None:
        scope = self._scope
        for generator in node.generators:
            if generator.is_async or not isinstance(generator.target, ast.Name):
                raise NotAnExpression("a comprehension binds one name: [x for x in list if condition]")
            _Check(scope, self._used).visit(generator.iter)
            bound = generator.target.id
            if bound in CONSTANTS:
                raise NotAnExpression(f"{bound!r} cannot be bound")
            scope = scope | {bound}
            for condition in generator.ifs:
                _Check(scope, self._used).visit(condition)
        _Check(scope, self._used).visit(node.elt)


def _shown(node: ast.AST) -> str:
    """What a part of the text is, for messages."""
    try:
        return repr(ast.unparse(node)[:60])
    except (ValueError, RecursionError):
        return type(node).__name__
