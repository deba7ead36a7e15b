"""Runs a pytest file in the tester box and reports each of its tests."""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Any

import pytest

from tools.testing.in_box.outcome import Outcome, Session, explain

_ARGUMENTS = (
    "-q",
    "--tb=no",
    "--no-header",
    "--capture=sys",
    "--import-mode=importlib",
    "-p",
    "no:cacheprovider",
)


def run_pytest_file(session: Session, name: str, source: str) -> None:
    """Run one file. A file that cannot be collected, or holds no test, is broken."""
    place = os.path.abspath(f"test_{name.replace('.', '_')}.py")
    with open(place, "w", encoding="utf-8", errors="surrogatepass") as file:
        file.write(source)
    session.start(name)
    reporter = _Reporter(session, name)
    pytest.main([place, f"--rootdir={os.path.dirname(place)}", *_ARGUMENTS], plugins=[reporter])
    if reporter.collection is not None:
        session.finish(name, reporter.collection)
    elif not reporter.finished:
        session.finish(name, Outcome("broken", "the file holds no test"))


class _Reporter:
    """Turns pytest's reports of set-up, call and tear-down into one outcome per test."""

    def __init__(self, session: Session, prefix: str) -> None:
        self._session = session
        self._prefix = prefix
        self._outcome = Outcome("pass")
        self.collection: Outcome | None = None
        self.finished = 0

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(self, collector: Any) -> Generator[None, Any, Any]:
        report = yield
        error = getattr(getattr(report, "call", None), "excinfo", None)
        if report.failed and self.collection is None:
            message = str(report.longrepr)[-300:]
            cause = (error.value.__cause__ or error.value) if error is not None else None
            self.collection = (
                explain(self._session, cause) if cause is not None else Outcome("broken", message)
            )
        return report

    def pytest_runtest_logstart(self, nodeid: str, location: Any) -> None:
        self._outcome = Outcome("pass")
        self._session.start(self._name(nodeid))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: Any, call: Any) -> Generator[None, Any, Any]:
        report = yield
        if report.skipped:
            self._outcome = Outcome("skipped", str(report.longrepr)[-200:])
        elif report.failed and self._outcome.status == "pass":
            self._outcome = (
                explain(self._session, call.excinfo.value) if call.excinfo else Outcome("fail", "failed")
            )
        return report

    def pytest_runtest_logfinish(self, nodeid: str, location: Any) -> None:
        outcome = self._outcome
        if outcome.status == "pass" and not (self._session.calls or self._session.shared):
            outcome = Outcome("broken", "it passes without calling the code")
        self.finished += 1
        self._session.finish(self._name(nodeid), outcome)

    def _name(self, nodeid: str) -> str:
        return f"{self._prefix}::{nodeid.partition('::')[2]}"
