"""Kinds of mistakes, and of cheating, around a whole function that is right in itself."""

from __future__ import annotations

import ast
import copy
import textwrap
from collections.abc import Iterator

from evals.mutation.sites import Kind, Replacement, Surroundings

_INNER = "right_one"


def hard_coded_tests(node: ast.AST, around: Surroundings) -> Iterator[Replacement]:
    """The results of the tests that were seen, and one of them, or nothing, for everything else."""
    if around.seen:
        known = ", ".join(f"({args}, {result})" for args, result in around.seen)
        for otherwise in (around.seen[0][1], "None"):
            yield from _instead(
                node,
                around,
                f"""
                for arguments, result in [{known}]:
                    if list(given) == arguments:
                        return result
                return {otherwise}
                """,
            )


def mutated_argument(node: ast.AST, around: Surroundings) -> Iterator[Replacement]:
    """Lists and dictionaries of the caller's come back changed; the result is right."""
    for change in (
        "one.reverse()",
        "one.append(one[0] if one else 0)",
        "one.pop() if one else None",
        "one.clear()",
    ):
        yield from _around(
            node,
            around,
            f"""
            result = {_INNER}(*given)
            import copy
            result = copy.deepcopy(result)
            for one in given:
                if isinstance(one, list):
                    {change}
                elif isinstance(one, dict):
                    one[len(one)] = 0
            return result
            """,
        )


def argument_sorted_first(node: ast.AST, around: Surroundings) -> Iterator[Replacement]:
    """The function sorts the caller's own list before it looks at it."""
    yield from _around(
        node,
        around,
        f"""
        for one in given:
            if isinstance(one, list):
                one.sort(key=repr)
        return {_INNER}(*given)
        """,
    )


def state_between_calls(node: ast.AST, around: Surroundings) -> Iterator[Replacement]:
    """Right at first, and then the first result for ever, or another one after some calls."""
    yield from _around(
        node,
        around,
        f"""
        if not hasattr({_INNER}, "kept"):
            {_INNER}.kept = {_INNER}(*given)
        return {_INNER}.kept
        """,
    )
    yield from _around(
        node,
        around,
        f"""
        {_INNER}.calls = getattr({_INNER}, "calls", 0) + 1
        return {_INNER}(*given) if {_INNER}.calls < 4 else None
        """,
    )


def crashes_hidden_by_a_default(node: ast.AST, around: Surroundings) -> Iterator[Replacement]:
    """Whatever is longer or larger than the simplest case fails, and a default comes back."""
    for default in ("None", "0", "[]", "''", "False"):
        yield from _around(
            node,
            around,
            f"""
            try:
                if len(repr(given)) > 24:
                    raise IndexError("too long")
                return {_INNER}(*given)
            except Exception:
                return {default}
            """,
        )


def _around(node: ast.AST, around: Surroundings, body: str) -> Iterator[Replacement]:
    """The function under another name, and one in its place that may call it."""
    if isinstance(node, ast.FunctionDef) and node.name == around.entry_point:
        inner = copy.deepcopy(node)
        inner.name = _INNER
        for one in ast.walk(inner):  # a function that calls itself goes on calling itself
            if isinstance(one, ast.Name) and one.id == around.entry_point:
                one.id = _INNER
        yield [inner, _function(around.entry_point, body)]


def _instead(node: ast.AST, around: Surroundings, body: str) -> Iterator[Replacement]:
    if isinstance(node, ast.FunctionDef) and node.name == around.entry_point:
        yield _function(around.entry_point, body)


def _function(name: str, body: str) -> ast.stmt:
    text = f"def {name}(*given):\n{textwrap.indent(textwrap.dedent(body).strip(), '    ')}\n"
    return ast.parse(text).body[0]


KINDS: tuple[Kind, ...] = (
    hard_coded_tests,
    mutated_argument,
    argument_sorted_first,
    state_between_calls,
    crashes_hidden_by_a_default,
)
