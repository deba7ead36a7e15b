"""Reads from the text of a test what it can do by itself: end early, break, take long without the code.

Where code shares a box with its test, a skip or a missing name that the test's own text cannot cause is the code's
doing. A text that is bounded ends soon on any plain value: where it hangs, what the code gave it did that.
Does not understand a text: it looks for words and shapes, and in doubt takes the test to be capable of it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable

ENDS_EARLY = frozenset(
    {"skip", "skipif", "skipIf", "skipUnless", "importorskip", "SkipTest", "skipTest", "xfail"}
    | {
        "exit",
        "_exit",
        "quit",
        "SystemExit",
        "KeyboardInterrupt",
        "interrupt_main",
        "raise_signal",
        "kill",
        "abort",
    }
)
COMPILES = frozenset({"eval", "exec", "compile", "literal_eval", "parse", "run_path", "run_module"})
LOOKS_UP_NAMES = frozenset(
    {"eval", "exec", "getattr", "globals", "hasattr", "locals", "modules", "vars", "__dict__"}
)
_QUIET_MODULES = frozenset(
    {
        "collections",
        "copy",
        "dataclasses",
        "decimal",
        "fractions",
        "json",
        "math",
        "numpy",
        "pytest",
        "string",
    }
    | {"typing", "unittest"}
)
_LONG = frozenset(
    {"accumulate", "comb", "combinations", "count", "cycle", "factorial", "input", "iter", "open", "perm"}
    | {"permutations", "pow", "product", "repeat", "sleep", "vectorize"}
)
_MAX_NUMBER = 10**6
_MAX_STEPS = 10**7
_LOOPS = (ast.For, ast.comprehension)
_ENDLESS = (ast.While, ast.AsyncFor, ast.Await, ast.Yield, ast.YieldFrom)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_GROWING = (ast.Mult, ast.Pow, ast.LShift)


def words_of(tree: ast.AST) -> frozenset[str]:
    """Every identifier in a text, and the parts of dotted names that it imports."""
    words = set[str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            words.add(node.id)
        elif isinstance(node, ast.Attribute):
            words.add(node.attr)
        elif isinstance(node, ast.alias):
            words.update(node.name.split("."))
        elif isinstance(node, ast.ImportFrom):
            words.update((node.module or "").split("."))
    return frozenset(words)


def is_bounded(tree: ast.Module, modules: Iterable[str] = ()) -> bool:
    """Whether a text ends soon, whatever plain value the code gives it.

    It has no `while`, no recursion, no import but of quiet modules or the code's (`modules`), and its numbers and
    loops together make at most ten million steps.
    """
    if any(isinstance(node, _ENDLESS) for node in ast.walk(tree)):
        return False
    words = words_of(tree)
    if words & (_LONG | COMPILES) or _recurses(tree) or not _imports(tree) <= _QUIET_MODULES.union(modules):
        return False
    loops = sum(isinstance(node, _LOOPS) for node in ast.walk(tree))
    largest = max(map(_size, ast.walk(tree)), default=0)
    return largest <= _MAX_NUMBER and max(largest, 1) ** loops <= max(_MAX_STEPS, largest)


def _recurses(tree: ast.Module) -> bool:
    """Whether a function names one that is not finished above it: itself, or a later one."""
    functions = [node for node in ast.walk(tree) if isinstance(node, _FUNCTIONS)]
    ends = {node.name: node.end_lineno or 0 for node in functions}
    return any(ends.get(word, 0) >= node.lineno for node in functions for word in words_of(node))


def _imports(tree: ast.Module) -> set[str]:
    found = set[str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").partition(".")[0])
    return found


def _size(node: ast.AST) -> int:
    """The number of a constant or of a product of constants; what grows otherwise is past every limit."""
    if isinstance(node, ast.Constant):
        return abs(node.value) if type(node.value) is int else 0
    if not (isinstance(node, ast.BinOp) and isinstance(node.op, _GROWING)):
        return 0
    left, right = node.left, node.right
    if isinstance(node.op, ast.Mult):
        return max(_size(left), 1) * max(_size(right), 1)
    if isinstance(right, ast.UnaryOp) or _is_small_power(node):
        return _size(left) ** _size(right) if isinstance(node.op, ast.Pow) else _MAX_NUMBER + 1
    return _MAX_NUMBER + 1


def _is_small_power(node: ast.BinOp) -> bool:
    return isinstance(node.left, ast.Constant) and 0 < _size(node.right) <= 6 and _size(node.left) <= 10
