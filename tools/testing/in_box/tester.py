"""Runs in the tester box: holds the tests, calls the code through proxies, reports each test to the host.

In a split run no line of the code under test runs here. In a shared run it does, and then a pass is only as good as
the code is honest; the host marks it so.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
import threading
import time
import types
from collections.abc import Collection
from typing import Any

from tools.testing.codec import carry_arrays, parse
from tools.testing.in_box.doctests import run_doctests
from tools.testing.in_box.lacking_modules import lacking_name
from tools.testing.in_box.loading import LoadError, describe, load
from tools.testing.in_box.names import Given, asked_builtin, given_by, read_uses
from tools.testing.in_box.outcome import Channel, Outcome, Session
from tools.testing.in_box.own_doing import LOOKS_UP_NAMES
from tools.testing.in_box.plain_tests import run_assert, run_check
from tools.testing.in_box.proxies import ModuleProxy, proxies, visible_names

_RUNNERS_OWN = re.compile(r"pytest|collect_ignore|load_tests|set_?up|tear_?down|test", re.IGNORECASE)


def main(channel: Channel) -> None:
    """Take the set-up, run every test in order, say `done`.

    A text that compares a result with an argument which the code changed runs once more without such changes: what
    passes only with them is in doubt.
    """
    carry_arrays()
    setup = parse(channel.receive() or b"{}")
    try:
        session, module = _shared(channel, setup) if setup["shared"] else _split(channel, setup)
    except LoadError as error:
        channel.send(b'{"op": "unloadable"}')
        sys.stderr.write(f"{error}\n")
        return
    if setup["shared"]:
        _start_watch(session, setup["seconds"])
    for test in setup["tests"]:
        session.uses = read_uses(test["source"] if test["kind"] != "doctest" else "", setup["module_names"])
        _import_as(module, _importable(session, test["kind"], setup["module_names"]))
        session.leans, session.again = False, False
        session.passed.clear()
        _run(session, test["kind"], test["name"], test["source"], module)
        if session.leans and session.passed and not session.shared:
            session.again = True
            _run(session, test["kind"], test["name"], test["source"], module)
            session.again = False
    channel.send(b'{"op": "done"}')


def _split(channel: Channel, setup: dict[str, Any]) -> tuple[Session, types.ModuleType]:
    session = Session(channel, setup["names"], setup["entry_point"], setup["prompt"], shared=False)
    try:
        values = proxies(session, setup["constants"])
    except Exception:  # constants that are no encoded values were forged: the code has none then
        values = proxies(session, {})
    return session, ModuleProxy("solution", session, values)


def _shared(channel: Channel, setup: dict[str, Any]) -> tuple[Session, types.ModuleType]:
    module, _ = load(setup["code"], setup["prompt"], setup["entry_point"])
    names = describe(module)
    session = Session(
        channel, names, setup["entry_point"], setup["prompt"], shared=True, code_globals=vars(module)
    )
    return session, module


def _importable(session: Session, kind: str, names: Collection[str]) -> list[str]:
    """The names that a test may import the code by.

    Those of artifacts are the candidate's choice: they count only where the test has no other way to the code, and
    never where a real module, or a test file, has that name.
    """
    trusted = {"solution", session.entry_point}
    reached = kind == "check" or bool(session.uses.free & set(session.names))
    return [
        name
        for name in names
        if name in trusted
        or (
            not reached and name.isidentifier() and not name.startswith(("_", "test_")) and name != "conftest"
        )
    ]


def _import_as(module: types.ModuleType, names: Collection[str]) -> None:
    for name in [name for name, found in list(sys.modules.items()) if found is module and name not in names]:
        del sys.modules[name]
    for name in names:
        if name == "solution" or (name not in sys.modules and not _is_real(name)):
            sys.modules[name] = module


def _is_real(name: str) -> bool:
    try:
        return not name.isidentifier() or importlib.util.find_spec(name) is not None
    except ValueError:  # loaded by other means than an import
        return True


def _run(session: Session, kind: str, name: str, source: str, module: types.ModuleType) -> None:
    seen = vars(module)
    namespace = {key: seen[key] for key in visible_names(session) if key in seen}
    if not session.shared:
        classes = [key for key, what in session.names.items() if what == "class" and session.calls_only(key)]
        namespace.update({key: getattr(module, key) for key in classes if key in visible_names(session)})
    given = Given() if session.shared else _given(session, namespace)
    if kind == "assert":
        if session.entry_point is None and (
            one := asked_builtin(session.uses, session.names, session.prompt)
        ):
            namespace[one] = seen[one]
        run_assert(session, name, source, namespace, given)
    elif kind == "check":
        run_check(session, name, source, namespace, given)
    elif kind == "doctest":
        run_doctests(session, name, source, namespace)
    elif kind == "pytest":
        _run_pytest(session, name, source, module)
    else:
        session.start(name)
        session.finish(name, Outcome("broken", f"no kind of test: {kind!r}"))


def _given(session: Session, namespace: dict[str, Any]) -> Given:
    entry_point = (session.entry_point or "").partition(".")[0]
    return given_by(session.prompt, session.uses.free - {entry_point}, namespace, entry_point)


def _run_pytest(session: Session, name: str, source: str, module: types.ModuleType) -> None:
    try:
        from tools.testing.in_box.pytest_files import (
            run_pytest_file,
        )  # slow to import; only where it is needed
    except ImportError as error:
        session.start(name)
        session.finish(
            name, Outcome("broken", f"this box runs no test files: {error}", lacks=lacking_name(error))
        )
        return
    _give_to_star(session, module)
    run_pytest_file(session, name, source)


def _give_to_star(session: Session, module: types.ModuleType) -> None:
    """`from solution import *` gives a file the names that its text reads, and no others of the code's.

    It neither replaces what the file binds itself, nor what the prompt imports, nor brings what the runner of tests
    looks for (`setup_module`, `pytestmark`, ...): the code would steer its own tests by those.
    """
    if not session.uses.star:
        return
    seen = vars(module)
    if not session.shared:
        seen.update(_given(session, seen).imports)
    read = session.uses.free
    if session.uses.words & LOOKS_UP_NAMES:
        read = frozenset(name for name in session.names if not _RUNNERS_OWN.match(name)) - session.uses.bound
    names = visible_names(session) if not session.shared else list(seen)
    seen["__all__"] = [name for name in names if name in read and not name.startswith("_")]


def _start_watch(session: Session, seconds: float) -> None:
    """In a box without threads nobody tells what takes the time of a test: it is not held against the code."""
    try:
        threading.Thread(target=_watch, args=(session, seconds), daemon=True).start()
    except ImportError:
        session.watched = False


def _watch(session: Session, seconds: float) -> None:
    """Tell the host, shortly before a test's time ends, when it is not one call of the code that took it."""
    since, call, told = 0.0, None, 0.0
    while True:
        time.sleep(seconds / 40)
        now, started = time.monotonic(), session.started
        frame = _call_of_code(session)
        if frame is not call:
            since, call = now, frame
        if now - started > 0.85 * seconds and told != started:
            told = started
            if call is None or now - since < 0.4 * seconds:
                session.channel.send(b'{"op": "slow_test"}')


def _call_of_code(session: Session) -> types.FrameType | None:
    """The outermost frame of the code in the main thread."""
    frame = sys._current_frames().get(threading.main_thread().ident or 0)
    found = None
    while frame is not None:
        if frame.f_globals is session.code_globals:
            found = frame
        frame = frame.f_back
    return found
