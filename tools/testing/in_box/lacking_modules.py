"""Finds which modules a box lacks that a text imports; no line of the text runs here, so none can forge the answer.

Does not know of imports that are not statements (`__import__`, `importlib`), nor whether one is ever reached.
"""

from __future__ import annotations

import ast
import importlib
import json
from collections.abc import Iterator
from typing import Any, NoReturn, Protocol

MAX_IMPORTS = 200


class Channel(Protocol):
    def receive(self) -> bytes | None: ...

    def send(self, line: bytes) -> None: ...


class Absent:
    """Stands where a prompt's import failed: whoever uses it gets the error of that import."""

    def __init__(self, error: ImportError) -> None:
        self._error = error

    def __getattr__(self, name: str) -> NoReturn:
        raise self._error

    def __call__(self, *_: object, **__: object) -> NoReturn:
        raise self._error


def absent_names(statement: ast.stmt, error: ImportError) -> dict[str, Absent]:
    """What stands for the names that a failed import statement was to bind."""
    if not isinstance(statement, (ast.Import, ast.ImportFrom)) or error.name is None:
        return {}
    names = [(alias.asname or alias.name).partition(".")[0] for alias in statement.names]
    return {name: Absent(error) for name in names if name != "*"}


def lacking_name(error: BaseException) -> str | None:
    """The module that an import did not find; None for every other error, and where the name is no text."""
    name = error.name if isinstance(error, ImportError) else None
    return name[:100] if type(name) is str else None


def main(channel: Channel) -> None:
    """Take texts and names; answer with those of the names that an import of the texts does not find here."""
    request: dict[str, Any] = json.loads(channel.receive() or b'{"texts": [], "names": []}')
    imported = dict.fromkeys(module for text in request["texts"] for module in _imports(text))
    missing = {_missing(module) for module in list(imported)[:MAX_IMPORTS]}
    channel.send(json.dumps([name for name in request["names"] if name in missing]).encode())


def _imports(text: str) -> Iterator[str]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def _missing(module: str) -> str | None:
    """The name of the module that an import stumbles over, of its own or inside of it."""
    try:
        importlib.import_module(module)
    except ImportError as error:
        return error.name
    except Exception:  # a module that is there but broken is not lacking
        return None
    return None
