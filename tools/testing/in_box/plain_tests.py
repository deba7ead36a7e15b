"""Tests that are Python text: statements (`assert`), and programs that define `check(candidate)`."""

from __future__ import annotations

import ast
from typing import Any

from tools.testing.in_box.outcome import Outcome, Session, run_test
from tools.testing.in_box.proxies import FunctionProxy, visible_names


def run_assert(session: Session, name: str, source: str, namespace: dict[str, Any]) -> None:
    """Run statements that use the code's names."""
    used = _compile(session, name, source)
    if used is None:
        return
    scope = {**namespace, "__name__": "__test__"}
    run_test(session, name, lambda: exec(source, scope), uses_data=_uses_data(session, used))


def run_check(session: Session, name: str, source: str, namespace: dict[str, Any]) -> None:
    """Run a program, then its `check` with the entry point (else the code's last function)."""
    used = _compile(session, name, source)
    if used is None:
        return
    scope = {**namespace, "__name__": "__test__"}

    def body() -> None:
        exec(source, scope)
        if not callable(scope.get("check")):
            raise SyntaxError("the program defines no check(candidate)")
        scope["check"](_candidate(session, namespace))

    run_test(session, name, body, uses_data=_uses_data(session, used))


def _candidate(session: Session, namespace: dict[str, Any]) -> Any:
    name = session.entry_point or next(
        (name for name, kind in reversed(list(session.names.items())) if kind == "function"), None
    )
    if name is None:
        raise session.refuse("no function")
    top, _, method = name.partition(".")
    if session.shared:
        found = namespace[top]
        return getattr(found(), method) if method else found
    if not method and session.names.get(top) != "function":
        raise session.refuse(f"{session.names.get(top)} {top!r}")
    return FunctionProxy(session, name)


def _compile(session: Session, name: str, source: str) -> set[str] | None:
    """The names that a test uses; None when it does not compile, or needs what cannot cross (both reported)."""
    try:
        tree = ast.parse(source)
        compile(tree, name, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        session.start(name)
        session.finish(name, Outcome("broken", f"it does not compile: {error}"))
        return None
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    for one in sorted(used & set(visible_names(session))):
        if session.names[one] in ("class", "other") and not session.shared:
            session.start(name)
            session.refuse(f"{session.names[one]} {one!r}")
            session.finish(name, Outcome("shared"))
            return None
    return used


def _uses_data(session: Session, used: set[str]) -> bool:
    return any(session.names.get(name) == "data" for name in used)
