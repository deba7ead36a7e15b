"""Reads the text of a test and of the prompt: which names a test takes from outside, and which the prompt gives it.

A test means the prompt's helper when it calls one, not what the code under test put in its place.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import re
import symtable
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from tools.testing.in_box.closer import asks_types, called_only, looks_closer
from tools.testing.in_box.edited_arguments import compares_with_arguments
from tools.testing.in_box.expected import Catcher, read_catchers
from tools.testing.in_box.lacking_modules import absent_names
from tools.testing.in_box.own_doing import is_bounded, words_of
from tools.testing.in_box.own_state import touches

_NONE: frozenset[str] = frozenset()
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_DEFINITIONS = (ast.Import, ast.ImportFrom, *_FUNCTIONS, ast.ClassDef, ast.Assign)


class Uses(NamedTuple):
    """Names in a test's text.

    `free` ones are read and bound nowhere in it. `imported` maps what it imports from the code's module to the name
    there. `asked` ones must be functions of the code: called and free, or called and imported. `bound` ones its own
    top level binds; `star` says that it imports all of the code's names, `set_up` that it may touch files, streams,
    seeds or the like, or asks for identity, which code in another box cannot see. `words` are all identifiers of the
    text; a `bounded` text ends soon on any plain value; `catchers` are the places where it catches errors.
    It may look `closer` at results than at their values, or ask for their `types`; `only_called` names are called only.
    `compares_arguments`: it compares what a call returned with an argument of the call.
    """

    free: frozenset[str] = _NONE
    asked: frozenset[str] = _NONE
    bound: frozenset[str] = _NONE
    imported: Mapping[str, str] = {}
    star: bool = False
    set_up: bool = False
    words: frozenset[str] = _NONE
    bounded: bool = False
    catchers: tuple[Catcher, ...] = ()
    closer: bool = False
    types: bool = False
    only_called: frozenset[str] = _NONE
    compares_arguments: bool = False

    def can_do(self, words: Collection[str]) -> bool:
        """Whether the text holds one of these words; one that was not read may hold any."""
        return not self.words or bool(self.words.intersection(words))


class Given(NamedTuple):
    """What the prompt gives a test: its imports, and the functions and constants that it does not ask for."""

    imports: Mapping[str, Any] = {}
    definitions: Mapping[str, Any] = {}


def read_uses(source: str, modules: Collection[str]) -> Uses:
    """Read a test. `modules` are names that it may import the code by; a text that does not compile uses nothing."""
    try:
        tree = ast.parse(source)
        free = _free(symtable.symtable(source, "<test>", "exec"))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Uses()
    taken = [
        alias
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module in modules and not node.level
        for alias in node.names
    ]
    imported = {alias.asname or alias.name: alias.name for alias in taken if alias.name != "*"}
    bound = _bound(tree.body) - set(imported)
    for name in _attributes(tree, modules):
        imported.setdefault(name, name)
    called = {
        node.func.id if isinstance(node.func, ast.Name) else node.func.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, (ast.Name, ast.Attribute))
    }
    asked = frozenset(imported.get(name, name) for name in called if name in free or name in imported)
    star = any(alias.name == "*" for alias in taken)
    bounded = is_bounded(tree, modules)
    return Uses(
        free,
        asked,
        bound,
        imported,
        star,
        touches(tree, modules),
        words_of(tree),
        bounded,
        read_catchers(tree),
        looks_closer(tree, modules),
        asks_types(tree),
        called_only(tree),
        compares_with_arguments(tree),
    )


def _attributes(tree: ast.Module, modules: Collection[str]) -> set[str]:
    """`f` of `import solution as s` and `s.f`."""
    aliases = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
        if alias.name in modules
    }
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in aliases
    }


def _free(table: symtable.SymbolTable) -> frozenset[str]:
    read, written = set[str](), set[str]()
    open_tables = [table]
    while open_tables:
        one = open_tables.pop()
        open_tables += one.get_children()
        for symbol in one.get_symbols():
            if one is not table and not symbol.is_global():
                continue
            if symbol.is_referenced():
                read.add(symbol.get_name())
            if symbol.is_assigned() or symbol.is_imported():
                written.add(symbol.get_name())
    return frozenset(read - written)


def _bound(statements: list[ast.stmt]) -> frozenset[str]:
    names = set[str]()
    for node in statements:
        if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names.update((alias.asname or alias.name).partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.Assign):
            targets = (one for target in node.targets for one in ast.walk(target))
            names.update(one.id for one in targets if isinstance(one, ast.Name))
    return frozenset(names)


def asked_builtin(uses: Uses, names: Mapping[str, str], prompt: str) -> str | None:
    """The function named like a builtin that a test asks of the code: the test reads no other name from outside.

    Where it reads several builtins, the prompt must name exactly one of them.
    """
    if not all(hasattr(builtins, name) for name in uses.free):
        return None
    found = [name for name in uses.free if len(uses.free) == 1 or re.search(rf"\b{name}\b", prompt)]
    return found[0] if len(found) == 1 and names.get(found[0]) == "function" else None


def given_by(prompt: str, wanted: Collection[str], namespace: Mapping[str, Any], entry_point: str) -> Given:
    """Run a prompt that is Python and return what of `wanted` it gives.

    Without an entry point every definition may be what the task asks for: then only imports are given. A class is
    never given, since objects of two classes of one name are not equal.
    """
    try:
        statements = ast.parse(prompt).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Given()
    statements = [node for node in statements if isinstance(node, _DEFINITIONS)]
    if not set(wanted) & _bound(statements) and not any(_is_star(node) for node in statements):
        return Given()
    scope: dict[str, Any] = {"__name__": "__prompt__"}
    imports, definitions = set[str](), set[str]()
    for node in statements:
        before = dict(scope)
        with contextlib.suppress(Exception, SystemExit):
            try:
                exec(compile(ast.Module([node], []), "<prompt>", "exec", dont_inherit=True), scope)
            except ImportError as error:
                scope.update(absent_names(node, error))
        new = {name for name in scope if name not in before or scope[name] is not before[name]}
        kept = new - {"__builtins__", entry_point}
        imports -= new
        definitions -= new
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            imports |= kept
        elif entry_point and not isinstance(node, ast.ClassDef) and not _is_stub(node):
            definitions |= kept
    for name in (
        set(scope) - imports - definitions
    ):  # helpers of the prompt call the code where it was asked for
        if name in namespace:
            scope[name] = namespace[name]
    return Given(
        {name: scope[name] for name in imports.intersection(wanted)},
        {name: scope[name] for name in definitions.intersection(wanted)},
    )


def _is_star(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and node.names[0].name == "*"


def _is_stub(node: ast.stmt) -> bool:
    """Whether a function is a head without a body: a text, `pass`, `...`, `raise`, or a constant returned."""
    if not isinstance(node, _FUNCTIONS):
        return False
    return all(
        isinstance(one, (ast.Pass, ast.Raise))
        or (isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant))
        or (isinstance(one, ast.Return) and (one.value is None or isinstance(one.value, ast.Constant)))
        for one in node.body
    )
