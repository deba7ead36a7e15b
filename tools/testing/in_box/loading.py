"""Loads the code under test as module `solution`, alone or as the completion of the task's prompt (in a box).

HumanEval-like tasks give the head of a function as prompt and accept its body, or the whole function, as an answer.
Definitions and imports of a prompt that is Python are there before the code runs, without the entry point itself.
The text is a file of the work folder, so that code knows its own place (`__file__`) and source (`inspect`).
"""

from __future__ import annotations

import ast
import contextlib
import inspect
import json
import os
import sys
import textwrap
import types
from collections.abc import Callable
from typing import Any, Literal

from tools.testing.codec import NotPlain, encode
from tools.testing.in_box.lacking_modules import Absent, absent_names, lacking_name

MODULE = "solution"
MAX_CONSTANT_NODES = 50_000
MAX_CONSTANT_BYTES = 2**20  # all constants of one module together
Assembled = Literal["code", "prompt+code", "prompt+indented code"]
_DEFINITIONS = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Assign)


class LoadError(Exception):
    """The code cannot be tested; `kind` is `syntax`, `missing` (no entry point) or `crash` (at import).

    `lacks` is the module that an import of it did not find.
    """

    def __init__(self, kind: str, message: str, lacks: str | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.lacks = lacks


def load(code: str, prompt: str, entry_point: str | None) -> tuple[types.ModuleType, Assembled]:
    """Return the loaded module and how it was put together. Raises LoadError with the reason of the first try,
    or of the one that got as far as an import which found nothing.
    """
    attempts: tuple[tuple[Assembled, str], ...] = (
        ("code", code),
        ("prompt+code", prompt + "\n" + code),
        ("prompt+indented code", prompt + "\n" + textwrap.indent(textwrap.dedent(code), "    ")),
    )
    first: LoadError | None = None
    for assembled, source in attempts:
        if assembled != "code" and not _is_definition(prompt):
            break
        try:
            return _load_one(source, prompt if assembled == "code" else "", entry_point), assembled
        except LoadError as error:
            first = first or error
            if error.lacks is not None:
                raise
            if error.kind == "crash":
                break
    assert first is not None
    raise first


def _load_one(source: str, prompt: str, entry_point: str | None) -> types.ModuleType:
    place = os.path.abspath(f"{MODULE}.py")
    try:
        tree = ast.parse(source)
        program = compile(tree, place, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise LoadError("syntax", f"the code does not compile: {type(error).__name__}: {error}") from error
    top = entry_point.partition(".")[0] if entry_point else None
    if top is not None and top not in _top_level_names(tree):
        raise LoadError("missing", f"the code does not define {top!r}")
    with open(place, "w", encoding="utf-8", errors="surrogatepass") as file:
        file.write(source)
    module = types.ModuleType(MODULE)
    module.__file__ = place
    sys.modules[MODULE] = module
    _add_prompt_definitions(module, prompt, top)
    try:
        exec(program, module.__dict__)
    except BaseException as error:
        message = f"the code ends at import: {type(error).__name__}: {_text(error)}"
        raise LoadError("crash", message, lacking_name(error)) from error
    if top is not None and not hasattr(module, top):
        _add_method_of_solution(module, top)
    if top is not None and not callable(getattr(module, top, None)):
        raise LoadError("missing", f"the code defines no function {top!r}")
    return module


def _is_definition(prompt: str) -> bool:
    """Whether code may complete this prompt: it has the head of a function and could be Python."""
    return any(line.startswith(("def ", "async def ", "class ")) for line in prompt.splitlines())


def _top_level_names(tree: ast.Module) -> set[str]:
    """Names that the code binds itself at its top level (not those of its prompt)."""
    bound = set[str]()
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            bound.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            bound.add(node.id)
        elif isinstance(node, ast.alias):
            bound.add((node.asname or node.name).partition(".")[0])
            if node.name == "*":
                bound.update(_star_names(tree))
    return bound


def _star_names(tree: ast.Module) -> set[str]:
    names = set[str]()
    for node in tree.body:
        if (
            isinstance(node, ast.ImportFrom)
            and node.module
            and any(alias.name == "*" for alias in node.names)
        ):
            with contextlib.suppress(ImportError):
                names.update(vars(__import__(node.module, fromlist=["*"])))
    return names


def _add_prompt_definitions(module: types.ModuleType, prompt: str, entry_point: str | None) -> None:
    """Run the prompt's imports and definitions, one by one; what fails there is not the code's fault."""
    try:
        statements = ast.parse(prompt).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for statement in statements:
        if isinstance(statement, _DEFINITIONS):
            one = compile(ast.Module([statement], []), "prompt", "exec", dont_inherit=True)
            with contextlib.suppress(Exception):
                try:
                    exec(one, module.__dict__)
                except ImportError as error:
                    module.__dict__.update(absent_names(statement, error))
    if entry_point is not None:
        module.__dict__.pop(entry_point, None)


def _add_method_of_solution(module: types.ModuleType, name: str) -> None:
    """Answers in the style of LeetCode wrap the function in `class Solution`: each call gets a new instance."""
    owner = getattr(module, "Solution", None)
    if not inspect.isclass(owner) or not callable(getattr(owner, name, None)):
        return

    def method(*args: Any, **kwargs: Any) -> Any:
        return resolve(module, f"Solution.{name}")(*args, **kwargs)

    method.__name__ = method.__qualname__ = name
    setattr(module, name, method)


def resolve(module: types.ModuleType, name: str) -> Callable[..., Any]:
    """Find `function` or `Class.method`; a method is called on a new instance."""
    found: Any = module
    for part in name.split("."):
        owner, found = found, getattr(found, part)
        if inspect.isclass(owner) and _wants_instance(owner, part):
            found = getattr(owner(), part)
    return found  # type: ignore[no-any-return]


def _wants_instance(owner: type, name: str) -> bool:
    """Whether it is a method, decorated (`cache`) or not: all but static ones, class ones and inner classes."""
    return not isinstance(inspect.getattr_static(owner, name, None), (staticmethod, classmethod, type))


def describe(module: types.ModuleType) -> dict[str, str]:
    """Kind of every top-level name: function, class, module:NAME, data (can be carried) or other."""
    return {
        name: _kind(value)
        for name, value in vars(module).items()
        if not (name.startswith("__") and name.endswith("__")) and type(value) is not Absent
    }


def constants(module: types.ModuleType, names: dict[str, str]) -> dict[str, Any]:
    """Encode what is data; what is too large becomes `other` in `names`, as tests seldom read large tables."""
    found: dict[str, Any] = {}
    room = MAX_CONSTANT_BYTES
    for name, kind in names.items():
        if kind != "data":
            continue
        encoded = encode(vars(module)[name])
        size = len(json.dumps(encoded, separators=(",", ":")))
        if size > room:
            names[name] = "other"
            continue
        room -= size
        found[name] = encoded
    return found


def _kind(value: object) -> str:
    if inspect.ismodule(value):
        return f"module:{value.__name__}"
    if inspect.isclass(value):
        return "class"
    if callable(value):
        return "function"
    try:
        encode(value, max_nodes=MAX_CONSTANT_NODES)
    except NotPlain:
        return "other"
    return "data"


def _text(error: BaseException) -> str:
    try:
        return str(error)[:300]
    except Exception:
        return ""
