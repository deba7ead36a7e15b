"""Tests that are Python text: statements (`assert`), and programs that define `check(candidate)`.

The names that the prompt gives are the prompt's own, whatever the code calls by the same names.
"""

from __future__ import annotations

import types
from typing import Any

from tools.testing.in_box.expected import TEST_FILE
from tools.testing.in_box.names import Given
from tools.testing.in_box.outcome import BrokenTest, Outcome, Session, run_test
from tools.testing.in_box.proxies import FunctionProxy, visible_names


def run_assert(session: Session, name: str, source: str, namespace: dict[str, Any], given: Given) -> None:
    """Run statements that use the code's names.

    They may be about a function that the prompt shows with a mistake: failing with that one is not certain.
    """
    if not _can_run(session, name, source, given):
        return
    scope = {**namespace, **given.imports, **given.definitions, "__name__": "__test__"}
    run_test(
        session,
        name,
        lambda: exec(_compiled(source), scope),
        uses_data=_uses_data(session, given),
        certain=not given.definitions,
    )


def run_check(session: Session, name: str, source: str, namespace: dict[str, Any], given: Given) -> None:
    """Run a program, then its `check` with the entry point (else the code's last function)."""
    if not _can_run(session, name, source, given):
        return
    scope = {**namespace, **given.imports, **given.definitions, "__name__": "__test__"}

    def body() -> None:
        exec(_compiled(source), scope)
        if not callable(scope.get("check")):
            raise BrokenTest("the program defines no check(candidate)")
        scope["check"](_candidate(session, namespace))

    run_test(session, name, body, uses_data=_uses_data(session, given))


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
    if not method and session.names.get(top) not in ("function", "class"):
        raise session.refuse(f"{session.names.get(top)} {top!r}")
    return FunctionProxy(session, name)


def _can_run(session: Session, name: str, source: str, given: Given) -> bool:
    """Whether a test can run here. One that does not compile, or needs what cannot cross, is reported."""
    try:
        _compiled(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        session.start(name)
        session.finish(name, Outcome("broken", f"it does not compile: {error}"))
        return False
    for one in sorted(_from_the_code(session, given) & set(visible_names(session))):
        if session.names[one] == "class" and session.calls_only(one):
            continue
        if session.names[one] in ("class", "other") and not session.shared:
            session.start(name)
            session.refuse(f"{session.names[one]} {one!r}")
            session.finish(name, Outcome("shared"))
            return False
    return True


def _compiled(source: str) -> types.CodeType:
    return compile(source, TEST_FILE, "exec", dont_inherit=True)


def _from_the_code(session: Session, given: Given) -> set[str]:
    return set(session.uses.free).difference(given.imports, given.definitions)


def _uses_data(session: Session, given: Given) -> bool:
    return any(session.names.get(name) == "data" for name in _from_the_code(session, given))
