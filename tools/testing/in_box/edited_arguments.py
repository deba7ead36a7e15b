"""Whether a test compares what the code returned with what is left of the arguments that it gave it.

`assert f(xs) == sorted(xs)` means the list as it was; code that empties `xs` and returns nothing passes it in every
Python. A test that only looks at its arguments afterwards (`f(xs)`, then `assert xs == [1, 2]`) asks for the change.
Follows names, not values: a list that has two names, or is kept in another, is not seen.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator, Mapping, Sequence


def compares_with_arguments(tree: ast.Module) -> bool:
    """Whether one side of a comparison holds a result of a call, and another reads an argument of that call."""
    made = dict(_made(tree))
    return any(_meets(sides, made) for node in ast.walk(tree) for sides in _comparisons(node))


def _comparisons(node: ast.AST) -> Iterator[Sequence[ast.expr]]:
    if isinstance(node, ast.Compare):
        yield (node.left, *node.comparators)
    elif isinstance(node, ast.Call) and len(node.args) > 1:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if any(word in name.lower() for word in ("assert", "equal", "same", "close", "check", "compare")):
            yield node.args


def _meets(sides: Sequence[ast.expr], made: Mapping[str, set[str]]) -> bool:
    for place, side in enumerate(sides):
        given = _given(side).union(*(made.get(name, set()) for name in _names(side)))
        others = [other for index, other in enumerate(sides) if index != place]
        if given.intersection(*[set().union(*map(_names, others))]):
            return True
    return False


def _made(tree: ast.Module) -> Iterator[tuple[str, set[str]]]:
    """Names that hold the result of a call, with the arguments of that call."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.Assign, ast.AnnAssign, ast.NamedExpr)) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if given := _given(node.value):
                yield from ((name, given) for target in targets for name in _names(target))


def _given(node: ast.expr) -> set[str]:
    """Names in the arguments of calls, but of those of builtins: they change nothing."""
    found = set[str]()
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and not _is_builtin(call.func):
            found.update(
                *(_names(argument) for argument in (*call.args, *(one.value for one in call.keywords)))
            )
    return found


def _is_builtin(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and hasattr(builtins, node.id)


def _names(node: ast.AST) -> set[str]:
    return {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
