"""Runs a pytest file in the tester box and reports each of its tests."""

from __future__ import annotations

import os
import sys
import types
from collections.abc import Collection, Generator
from typing import Any

import pytest

from tools.testing.in_box.outcome import Outcome, Session, explain, passed_the_code

_ARGUMENTS = (
    "-q",
    "--tb=no",
    "--no-header",
    "--capture=sys",
    "--import-mode=importlib",
    "-p",
    "no:cacheprovider",
    "--noconftest",
)


def run_pytest_file(session: Session, name: str, source: str) -> None:
    """Run one file. A file that cannot be collected, or holds no test, is broken."""
    place = os.path.abspath(f"test_{name.replace('.', '_')}.py")
    with open(place, "w", encoding="utf-8", errors="surrogatepass") as file:
        file.write(source)
    session.test_file = place
    for module in [key for key, found in sys.modules.items() if getattr(found, "__file__", None) == place]:
        del sys.modules[module]  # a file that runs again starts afresh
    session.start(name)
    reporter = _Reporter(session, name)
    pytest.main([place, f"--rootdir={os.path.dirname(place)}", *_ARGUMENTS], plugins=[reporter])
    if reporter.collection is not None:
        session.finish(name, reporter.collection)
    elif reporter.running is not None:
        outcome = session.ended_early("it stopped the whole run")
        session.finish(reporter.running, outcome._replace(status=outcome.status.replace("skipped", "broken")))
    elif not reporter.finished:
        session.finish(name, Outcome("broken", "the file holds no test"))


class _Reporter:
    """Turns pytest's reports of set-up, call and tear-down into one outcome per test."""

    def __init__(self, session: Session, prefix: str) -> None:
        self._session = session
        self._prefix = prefix
        self._outcome = Outcome("pass")
        self._touched = False
        self.collection: Outcome | None = None
        self.finished = 0
        self.running: str | None = None

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(self, collector: Any) -> Generator[None, Any, Any]:
        try:
            report = yield
        except BaseException as stopped:  # pytest ends the whole run at a SystemExit here
            self.collection = self._explain(stopped, self._read())
            raise
        error = getattr(getattr(report, "call", None), "excinfo", None)
        if report.failed and self.collection is None:
            message = str(report.longrepr)[-300:]
            cause = (error.value.__cause__ or error.value) if error is not None else None
            self.collection = (
                self._explain(cause, self._read()) if cause is not None else Outcome("broken", message)
            )
        return report

    def pytest_collection_finish(self) -> None:
        """What the code did while the file was loaded counts against the file: each test starts afresh."""
        if self.collection is None and (foul := self._session.foul()) is not None:
            self.collection = Outcome("error", foul)

    def pytest_runtest_logstart(self, nodeid: str, location: Any) -> None:
        self._outcome, self._touched = Outcome("pass"), False
        self.running = self._name(nodeid)
        self._session.start(self.running)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: Any, call: Any) -> Generator[None, Any, Any]:
        report = yield
        raised = call.excinfo.value if call.excinfo else None
        self._touched = self._touched or bool(self._constants(_names_of(item)))
        self._session.reads_data = self._touched
        if report.skipped and raised is not None and passed_the_code(self._session, raised):
            self._outcome = Outcome("error", f"the code skipped its test: {type(raised).__name__}")
        elif report.skipped:
            self._outcome = self._session.ended_early(str(report.longrepr)[-200:])
        elif report.failed and self._outcome.status == "pass":
            self._outcome = (
                self._explain(raised, _names_of(item)) if raised is not None else Outcome("fail", "failed")
            )
        return report

    def pytest_runtest_logfinish(self, nodeid: str, location: Any) -> None:
        outcome = self._outcome
        touched = self._touched or self._session.calls or self._session.shared
        if outcome.status == "pass" and not touched:
            outcome = Outcome("broken", "it passes without calling the code")
        self.finished, self.running = self.finished + 1, None
        self._session.finish(self._name(nodeid), outcome)

    def _explain(self, error: BaseException, names: Collection[str]) -> Outcome:
        return explain(self._session, error, uses_data=bool(self._constants(names)))

    def _read(self) -> list[str]:
        """The names by which a file may read the code's constants while it is loaded."""
        uses = self._session.uses
        return [*uses.imported, *(uses.free if uses.star else ())]

    def _constants(self, names: Collection[str]) -> set[str]:
        """Those of a test's names that are constants of the code."""
        imported, kinds = self._session.uses.imported, self._session.names
        star = self._session.uses.star
        return {name for name in names if kinds.get(imported.get(name, name if star else "")) == "data"}

    def _name(self, nodeid: str) -> str:
        return f"{self._prefix}::{nodeid.partition('::')[2]}"


def _names_of(item: Any) -> frozenset[str]:
    """The global names that a test function reads, without those of the functions that it calls."""
    code = getattr(getattr(item, "obj", None), "__code__", None)
    found = set[str]()
    open_codes = [code] if isinstance(code, types.CodeType) else []
    while open_codes:
        one = open_codes.pop()
        found.update(one.co_names)
        open_codes += [inner for inner in one.co_consts if isinstance(inner, types.CodeType)]
    return frozenset(found)
