"""Whether a test looks closer at a result than at its value: at its type, its attributes, its text, its identity.

Only then does it matter that something arrives as its base, or as no plain data at all.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator

_PLAIN = (list, dict, set, frozenset, tuple, str, bytes, bytearray, int, float, complex, bool, range)
# of plain data, and of what a test has by itself: a captured text, a caught error, a case of unittest
_PLAIN_MEMBERS = frozenset(name for kind in _PLAIN for name in dir(kind) if not name.startswith("_")) | {
    *(
        "shape",
        "dtype",
        "tolist",
        "size",
        "ndim",
        "T",
        "all",
        "any",
        "sum",
        "numerator",
        "denominator",
        "most_common",
    ),
    *("readouterr", "out", "err", "value", "args", "exception", "raises", "getvalue", "StringIO", "stdout"),
}
_CHANGE_NAMES = """
append appendleft extend insert pop popleft remove clear add update discard
sort reverse setdefault popitem fill rotate subtract put resize
"""
_CHANGES = frozenset(_CHANGE_NAMES.split())
_TYPES = frozenset(kind.__name__ for kind in _PLAIN)
_LOOKS = frozenset(["repr", "str", "format", "hasattr", "getattr", "vars", "dir", "callable", "id", "ascii"])
_VALUES = "math cmath itertools functools collections json re random string copy numpy pytest unittest typing decimal"
_MORE = "fractions statistics operator heapq bisect sys os io contextlib time __future__"
_OF_VALUES = frozenset([*_VALUES.split(), *_MORE.split()])


def looks_closer(tree: ast.Module, modules: Collection[str] = ()) -> bool:
    """Whether a text may tell two results apart that are equal. `modules` are names of the code."""
    known = {"self", "cls", *_imported(tree)}
    if not _modules(tree) <= _OF_VALUES.union(modules):
        return True
    return any(_node_looks(node, known) for node in _without_messages(tree))


def asks_types(tree: ast.Module) -> bool:
    """Whether a text asks for the type of something, and not only whether it is one of plain data."""
    plain = {
        id(call)
        for node in ast.walk(tree)
        if isinstance(node, ast.Compare)
        for call in _type_calls(node.left, *node.comparators)
        if all(_is_type_call(side) or _names(side) <= _TYPES for side in (node.left, *node.comparators))
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            kinds = set().union(*map(_names, node.args[1:]))
            if node.func.id in ("isinstance", "issubclass") and not kinds <= _TYPES:
                return True
            if _is_type_call(node) and id(node) not in plain:
                return True
    return False


def asks_identity(node: ast.Compare) -> bool:
    """Whether it compares objects by `is`; None, booleans and types of plain data are the same in every box."""
    sides = [node.left, *node.comparators]
    asks = any(isinstance(operator, (ast.Is, ast.IsNot)) for operator in node.ops)
    types = all(_is_type_call(side) or (isinstance(side, ast.Name) and side.id in _TYPES) for side in sides)
    return asks and not types and not any(isinstance(side, ast.Constant) for side in sides)


def _type_calls(*sides: ast.expr) -> list[ast.expr]:
    return [side for side in sides if _is_type_call(side)]


def _is_type_call(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "type"


def called_only(tree: ast.Module) -> frozenset[str]:
    """Names that a text uses in no other way than to call them."""
    callees = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    read = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    others = {node.id for node in read if id(node) not in callees}
    return frozenset(node.id for node in read) - others


def _node_looks(node: ast.AST, known: Collection[str]) -> bool:
    if isinstance(node, ast.Attribute):
        base = node.value
        while isinstance(base, ast.Attribute):
            base = base.value
        if isinstance(base, ast.Name) and base.id in known:
            return False
        return node.attr not in _PLAIN_MEMBERS or node.attr in _CHANGES
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return node.func.id in _LOOKS
    if isinstance(node, ast.Compare):
        return asks_identity(node)
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load)
    )


def _without_messages(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node but those of the texts that an assert prints when it fails."""
    open_nodes = [tree]
    while open_nodes:
        node = open_nodes.pop()
        yield node
        if isinstance(node, ast.Assert):
            open_nodes.append(node.test)
        else:
            open_nodes.extend(ast.iter_child_nodes(node))


def _names(node: ast.AST) -> set[str]:
    found = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
    return found | {one.attr for one in ast.walk(node) if isinstance(one, ast.Attribute)}


def _imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from ((alias.asname or alias.name).partition(".")[0] for alias in node.names)


def _modules(tree: ast.AST) -> set[str]:
    found = set[str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").partition(".")[0])
    return found
