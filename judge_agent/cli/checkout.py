"""Loads parts of the application (`api`, `tools`, `sandboxes`), which run from a checkout, not from the wheel."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

from judge_agent.errors import JudgeError


def is_there() -> bool:
    """Whether this library lies in its checkout."""
    return (_root() / "api" / "wiring.py").is_file()


def load(module: str, verb: str) -> Any:
    """Import a module of the application. Raises JudgeError that says what is missing."""
    root = _root()
    if not is_there():
        raise JudgeError(
            f"'{verb}' needs the checkout of judge-agent: this is the installed library, which holds the client only. "
            "Clone the repository and run it there, or point JUDGE_URL at a running service."
        )
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise JudgeError(
            f"'{verb}' needs the package {error.name!r}; install it with: pip install -e '.[service,embedded]'"
        ) from error


def _root() -> Path:
    return Path(__file__).resolve().parent.parent.parent
