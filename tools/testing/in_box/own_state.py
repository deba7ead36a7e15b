"""Whether the text of a test touches anything but values: files, streams, the environment, modules, the process.

Code in another box sees none of that. What is known to touch nothing is listed; everything else is taken to touch
something, so that a failure of such a test is looked at again in one box with the code. That costs a wrong answer
nothing that a right one would gain, and a right one its verdict where the list were one of what touches.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Collection, Iterator, Mapping
from types import MappingProxyType

from tools.testing.in_box.closer import asks_identity

_ALL = "*"
_LOGIC = "abc array bisect cmath collections colorsys copy csv dataclasses datetime difflib enum fractions"
_TEXT = (
    "functools hashlib heapq html itertools json keyword math numbers operator pprint pytest re statistics"
)
_MORE = "string struct textwrap token tokenize types typing unicodedata unittest uuid zlib base64 binascii __future__"
# what of a module touches nothing; all of those above but what `_TOUCHES` names
_PARTS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "ast": frozenset(["literal_eval", "parse", "walk", "dump"]),
        "asyncio": frozenset(["run", "gather", "sleep", "wait_for", "TimeoutError", "CancelledError"]),
        "contextlib": frozenset(
            ["suppress", "redirect_stdout", "contextmanager", "nullcontext", "ExitStack"]
        ),
        "decimal": frozenset(
            ["Decimal", "ROUND_HALF_UP", "ROUND_HALF_EVEN", "ROUND_DOWN", "InvalidOperation"]
        ),
        "inspect": frozenset(["isgenerator", "isfunction", "isclass", "signature"]),
        "io": frozenset(["StringIO", "BytesIO"]),
        "os": frozenset(
            ["path", "sep", "linesep", "pathsep", "join", "basename", "dirname", "split", "splitext"]
        ),
        "random": frozenset(
            ["Random", "randint", "random", "choice", "choices", "sample", "uniform", "shuffle"]
        )
        | {"randrange", "gauss", "getrandbits"},
        "sys": frozenset(
            ["maxsize", "float_info", "version_info", "version", "platform", "getsizeof", "stdout"]
        )
        | {"getrecursionlimit", "hash_info", "int_info", "getvalue"},
        "time": frozenset(["time", "perf_counter", "monotonic", "sleep", "process_time"]),
        "timeit": frozenset(["default_timer"]),
    }
)
_PURE = frozenset([*_LOGIC.split(), *_TEXT.split(), *_MORE.split(), "numpy"])
_LARGE = frozenset(["numpy", "pytest", "unittest"])
_TOUCHES_TEXT = """
mock patch random seed set_state default_rng seterr seterrcall errstate set_printoptions printoptions
memmap open_memmap lib load loadtxt genfromtxt fromfile save savez savez_compressed savetxt tofile
DataSource MonkeyPatch field_size_limit register_dialect warns deprecated_call assertIs assertIsNot
assertWarns assertLogs assertNoLogs addModuleCleanup file_digest importorskip err importlib
"""
_TOUCHES = frozenset(_TOUCHES_TEXT.split())
_BUILTINS_TEXT = """
open input breakpoint id __import__ __builtins__ exit quit setattr delattr __file__
__loader__ __spec__
"""
_BUILTINS = frozenset(_BUILTINS_TEXT.split())
_FIXTURES_TEXT = """
tmp_path tmp_path_factory tmpdir tmpdir_factory monkeypatch mocker capfd capfdbinary capsysbinary
caplog recwarn pytester testdir cache pytestconfig request patch
"""
_FIXTURES = frozenset(_FIXTURES_TEXT.split())


def touches(tree: ast.Module, modules: Collection[str] = ()) -> bool:
    """Whether a test may touch more than values, or asks which object something is. `modules` are names of the code."""
    names = dict(_imported(tree, modules))
    if any(path is None or not _is_harmless(path) for path in names.values()):
        return True
    bases = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    return any(_node_touches(node, names, bases) for node in ast.walk(tree))


def _imported(tree: ast.Module, modules: Collection[str]) -> Iterator[tuple[str, tuple[str, ...] | None]]:
    """What each imported name means: the path of a module and a part of it; None for what cannot be told."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                path = tuple(alias.name.split("."))
                if path[0] not in modules:
                    yield alias.asname or path[0], path if alias.asname else path[:1]
                    if not _is_harmless(path):
                        yield f"{alias.name} ", None
        elif isinstance(node, ast.ImportFrom) and (node.level or (node.module or "") not in modules):
            for alias in node.names:
                path = (*(node.module or "").split("."), alias.name)
                yield alias.asname or alias.name, None if node.level else path


def _is_harmless(path: tuple[str, ...]) -> bool:
    first, rest = path[0], path[1:]
    if first in _PARTS:
        return all(part in _PARTS[first] for part in rest)
    return first in _PURE and not _TOUCHES.intersection(rest) and (first not in _LARGE or _ALL not in rest)


def _node_touches(node: ast.AST, names: Mapping[str, tuple[str, ...] | None], bases: Collection[int]) -> bool:
    if isinstance(node, ast.Attribute):
        return node.attr in _TOUCHES - {"random", "load"} or _path_touches(node, names)
    if isinstance(node, ast.Name):
        return node.id in _BUILTINS or (id(node) not in bases and len(names.get(node.id) or ()) == 1)
    if isinstance(node, ast.arg):
        return node.arg in _FIXTURES
    if isinstance(node, ast.Call):
        return _runs_text(node.func) and any(map(_text_touches, node.args[:1]))
    return isinstance(node, ast.Compare) and asks_identity(node)


def _runs_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in ("eval", "exec", "compile")


def _text_touches(node: ast.expr) -> bool:
    """Whether a text that a test holds and runs touches anything; one that the code returned is a value."""
    if not (isinstance(node, ast.Constant) and isinstance(node.value, str)):
        return False
    try:
        return touches(ast.parse(node.value.strip()))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False


def _path_touches(node: ast.Attribute, names: Mapping[str, tuple[str, ...] | None]) -> bool:
    """`os.path.exists` of a name that was imported: a part that touches, or that is written."""
    parts, base = [node.attr], node.value
    while isinstance(base, ast.Attribute):
        parts, base = [base.attr, *parts], base.value
    if not isinstance(base, ast.Name) or not (path := names.get(base.id) or _by_the_code(base.id)):
        return False
    whole = (*path, *parts)
    if not isinstance(node.ctx, ast.Load):
        return whole != ("sys", "stdout")
    if whole[:2] in (("sys", "path"), ("sys", "stdout")) or (path[0] not in _PARTS and len(path) > 1):
        return False
    return not _is_harmless(whole)


def _by_the_code(name: str) -> tuple[str, ...] | None:
    """A module that a text reads without importing it: the code does."""
    return (name,) if name in sys.stdlib_module_names else {"np": ("numpy",)}.get(name)
