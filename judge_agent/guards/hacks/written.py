"""Tables of outputs that are written into a program: dictionaries, lists side by side, and branches on literals."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple


class Entry(NamedTuple):
    """One input that the code recognises, in each way that it may be written, and what it gives for it."""

    node: ast.AST
    inputs: frozenset[str]
    outputs: frozenset[str]


def tables_in(tree: ast.Module, skipped: Collection[int] = ()) -> Iterator[tuple[Entry, ...]]:
    """Each table by itself, and all branches as one. `skipped` are ids of nodes that are not looked at.

    Entries of a table that are no literals hold no input; branches count where they give a literal for a literal.
    """
    nodes = [node for node in ast.walk(tree) if id(node) not in skipped]
    bound, given_back = _bound(nodes), _given_back(nodes)
    branches: list[Entry] = []
    for node in nodes:
        if (table := _table(node, bound)) is not None:
            yield tuple(_entry(node, key, value) for key, value in table)
        else:
            branches += _branches(node, given_back)
    yield tuple(branches)


_Pairs = list[tuple[ast.expr | None, ast.expr]]


def _table(node: ast.AST, bound: Mapping[str, ast.expr]) -> _Pairs | None:
    """The keys and values of `{k: v}`, `dict(zip(ks, vs))` and `vs[ks.index(k)]`."""
    if isinstance(node, ast.Dict):
        return list(zip(node.keys, node.values, strict=True))
    if isinstance(node, ast.Call) and _is_called(node, "dict") and len(node.args) == 1:
        inner = node.args[0]
        if isinstance(inner, ast.Call) and _is_called(inner, "zip") and len(inner.args) == 2:
            return _side_by_side(inner.args[0], inner.args[1], bound)
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Call):
        asked = node.slice.func
        if isinstance(asked, ast.Attribute) and asked.attr == "index":
            return _side_by_side(asked.value, node.value, bound)
    return None


def _side_by_side(keys: ast.expr, values: ast.expr, bound: Mapping[str, ast.expr]) -> _Pairs | None:
    sides = [bound.get(side.id) if isinstance(side, ast.Name) else side for side in (keys, values)]
    listed = [side.elts for side in sides if isinstance(side, (ast.List, ast.Tuple))]
    return list(zip(listed[0], listed[1], strict=False)) if len(listed) == 2 else None


def _is_called(node: ast.Call, name: str) -> bool:
    return isinstance(node.func, ast.Name) and node.func.id == name


def _entry(node: ast.AST, key: ast.expr | None, value: ast.expr) -> Entry:
    given, held = literal(key), literal(value)
    is_known = given is not None and held is not None
    return Entry(
        node, frozenset({given or ""} if is_known else ()), frozenset({held or ""} if is_known else ())
    )


def _bound(nodes: list[ast.AST]) -> dict[str, ast.expr]:
    """Names and what they are bound to; where a name is bound again, the last counts."""
    return {
        node.targets[0].id: node.value
        for node in nodes
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name)
    }


def _given_back(nodes: list[ast.AST]) -> set[str]:
    """Names that are returned or printed as they are."""
    values = [node.value for node in nodes if isinstance(node, ast.Return)]
    values += [node.args[0] for node in nodes if isinstance(node, ast.Call) and _is_print(node)]
    return {value.id for value in values if isinstance(value, ast.Name)}


def _is_print(node: ast.Call) -> bool:
    return _is_called(node, "print") and len(node.args) == 1


def _branches(node: ast.AST, given_back: Collection[str]) -> Iterator[Entry]:
    inputs: list[str] = []
    outputs: list[str] = []
    if isinstance(node, ast.If):
        inputs, outputs = list(_recognised(node.test)), list(_given_by(node.body, given_back))
    elif isinstance(node, ast.IfExp):
        chosen = literal(node.body)
        inputs, outputs = list(_recognised(node.test)), [] if chosen is None else [chosen]
    elif isinstance(node, ast.match_case):
        inputs, outputs = _matched(node.pattern), list(_given_by(node.body, given_back))
    if inputs and outputs:
        yield Entry(
            node.pattern if isinstance(node, ast.match_case) else node, frozenset(inputs), frozenset(outputs)
        )


def _matched(pattern: ast.pattern) -> list[str]:
    """The values that a pattern is true of; a sequence is written as a tuple and as a list."""
    if isinstance(pattern, ast.MatchValue):
        found = literal(pattern.value)
        return [] if found is None else [found]
    if isinstance(pattern, ast.MatchSingleton):
        return [repr(pattern.value)]
    if isinstance(pattern, ast.MatchOr):
        return [value for part in pattern.patterns for value in _matched(part)]
    if isinstance(pattern, ast.MatchSequence):
        parts = [_matched(part) for part in pattern.patterns]
        if parts and all(len(part) == 1 for part in parts):
            inner = ", ".join(part[0] for part in parts)
            return [f"({inner},)" if len(parts) == 1 else f"({inner})", f"[{inner}]"]
    return []


def _recognised(test: ast.expr) -> Iterator[str]:
    """The literals that a condition compares with; of several joined by `and`, all of them as one input, too."""
    parts = test.values if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And) else [test]
    literals = []
    for part in parts:
        if isinstance(part, ast.Compare) and len(part.ops) == 1 and isinstance(part.ops[0], ast.Eq):
            literals += [
                found for side in (part.left, part.comparators[0]) if (found := literal(side)) is not None
            ]
    yield from literals
    if len(literals) > 1:
        yield "(" + ", ".join(literals) + ")"


def _given_by(body: list[ast.stmt], given_back: Collection[str]) -> Iterator[str]:
    """The literal that a branch returns or prints, or binds to a name that is, where it does nothing else."""
    for statement in body[:2]:
        value: ast.expr | None = None
        if isinstance(statement, ast.Return):
            value = statement.value
        elif isinstance(statement, ast.Assign):
            names = {target.id for target in statement.targets if isinstance(target, ast.Name)}
            value = None if names.isdisjoint(given_back) else statement.value
        elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
            value = statement.value.args[0] if _is_print(statement.value) else None
        if value is not None and (found := literal(value)) is not None:
            yield found
            if isinstance(value, ast.Constant) and not isinstance(value.value, str):
                yield repr(str(value.value))


def literal(node: ast.expr | None) -> str | None:
    """The value of a literal, as text; None where it is none, or nested too deep to be read."""
    if node is None or isinstance(node, (ast.Name, ast.Call, ast.BinOp, ast.Attribute)):
        return None
    try:
        return repr(ast.literal_eval(node))
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None
