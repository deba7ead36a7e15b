"""Makes mutants of a function: a kind looks at one node of its tree and says what may stand there instead.

A kind knows nothing of the rest of the program but what `Surroundings` say. The order is that of the tree: the same
source gives the same mutants. Does not know whether a mutant differs from the function at all.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

Replacement = ast.AST | list[ast.stmt]


@dataclass(frozen=True)
class Surroundings:
    """What a kind may know: the function that is asked for, names that it reads, and the tests that an agent saw.

    `seen` holds pairs of a list of arguments and a result, both as Python expressions.
    """

    entry_point: str
    names: tuple[str, ...] = ()
    seen: tuple[tuple[str, str], ...] = ()


Kind = Callable[[ast.AST, Surroundings], Iterator[Replacement]]


class Site(NamedTuple):
    """Where a mistake can be made: the kind, the node's place in the tree, and which of the kind's ideas for it."""

    kind: str
    place: int
    variant: int


class Mutants:
    """The mutants of one function. `sites` are cheap to have, the sources are made one by one."""

    def __init__(
        self, source: str, entry_point: str, seen: Sequence[tuple[str, str]], kinds: Sequence[Kind]
    ) -> None:
        self._tree = _without_docstrings(ast.parse(source))
        self._around = Surroundings(entry_point, _names(self._tree), tuple(seen))
        self._kinds = {kind.__name__: kind for kind in kinds}
        self.sites = tuple(self._sites())

    @property
    def right(self) -> str:
        """The function itself, written as its mutants are."""
        return ast.unparse(self._tree)

    def source(self, site: Site) -> str:
        """The program with one mistake in it; two sites may give the same one."""
        mutant = copy.deepcopy(self._tree)
        target = list(_bodies(mutant))[site.place]
        replacement = list(self._kinds[site.kind](target, self._around))[site.variant]
        _Swap(target, replacement).visit(mutant)
        return ast.unparse(ast.fix_missing_locations(mutant))

    def _sites(self) -> Iterator[Site]:
        for place, node in enumerate(_bodies(self._tree)):
            for name, kind in self._kinds.items():
                ideas = sum(1 for _ in kind(copy.deepcopy(node), self._around))
                yield from (Site(name, place, variant) for variant in range(ideas))


def _bodies(tree: ast.Module) -> Iterator[ast.AST]:
    """The functions, and all that stands in their bodies; no annotations, defaults or decorators."""
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            yield function
    for function in tree.body:
        if isinstance(function, ast.FunctionDef):
            for statement in function.body:
                yield from (node for node in ast.walk(statement) if not isinstance(node, ast.FunctionDef))


class _Swap(ast.NodeTransformer):
    def __init__(self, target: ast.AST, replacement: Replacement) -> None:
        self._target, self._replacement = target, replacement

    def visit(self, node: ast.AST) -> Replacement:
        return self._replacement if node is self._target else super().generic_visit(node)


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return tree


def _names(tree: ast.Module) -> tuple[str, ...]:
    """The variables of the functions, in order of appearance."""
    found = dict[str, None]()
    for node in ast.walk(tree):
        if isinstance(node, ast.arg):
            found[node.arg] = None
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found[node.id] = None
    return tuple(found)
