"""Runs in the tester box: holds the tests, calls the code through proxies, reports each test to the host.

In a split run no line of the code under test runs here. In a shared run it does, and then a pass is only as good as
the code is honest; the host marks it so.
"""

from __future__ import annotations

import sys
import types
from typing import Any

from tools.testing.codec import carry_arrays, parse
from tools.testing.in_box.doctests import run_doctests
from tools.testing.in_box.loading import LoadError, describe, load
from tools.testing.in_box.outcome import Channel, Outcome, Session
from tools.testing.in_box.plain_tests import run_assert, run_check
from tools.testing.in_box.proxies import ModuleProxy, proxies, visible_names


def main(channel: Channel) -> None:
    """Take the set-up, run every test in order, say `done`."""
    carry_arrays()
    setup = parse(channel.receive() or b"{}")
    try:
        session, module = _shared(channel, setup) if setup["shared"] else _split(channel, setup)
    except LoadError as error:
        channel.send(b'{"op": "unloadable"}')
        sys.stderr.write(f"{error}\n")
        return
    _import_as(module, setup["module_names"])
    for test in setup["tests"]:
        _run(session, test["kind"], test["name"], test["source"], module)
    channel.send(b'{"op": "done"}')


def _split(channel: Channel, setup: dict[str, Any]) -> tuple[Session, types.ModuleType]:
    session = Session(channel, setup["names"], setup["entry_point"], setup["prompt"], shared=False)
    return session, ModuleProxy("solution", session, proxies(session, setup["constants"]))


def _shared(channel: Channel, setup: dict[str, Any]) -> tuple[Session, types.ModuleType]:
    module, _ = load(setup["code"], setup["prompt"], setup["entry_point"])
    names = describe(module)
    return Session(channel, names, setup["entry_point"], setup["prompt"], shared=True), module


def _import_as(module: types.ModuleType, names: list[str]) -> None:
    """Let test files import the code by its names, where no real module has that name."""
    for name in names:
        if name.isidentifier() and name not in sys.stdlib_module_names and name not in sys.modules:
            sys.modules[name] = module
    sys.modules["solution"] = module


def _run(session: Session, kind: str, name: str, source: str, module: types.ModuleType) -> None:
    seen = vars(module)
    namespace = {key: seen[key] for key in visible_names(session) if key in seen}
    if kind == "assert":
        run_assert(session, name, source, namespace)
    elif kind == "check":
        run_check(session, name, source, namespace)
    elif kind == "doctest":
        run_doctests(session, name, source, namespace)
    elif kind == "pytest":
        _run_pytest(session, name, source)
    else:
        session.start(name)
        session.finish(name, Outcome("broken", f"no kind of test: {kind!r}"))


def _run_pytest(session: Session, name: str, source: str) -> None:
    from tools.testing.in_box.pytest_files import run_pytest_file  # slow to import; only where it is needed

    run_pytest_file(session, name, source)
