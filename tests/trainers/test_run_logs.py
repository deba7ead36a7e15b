"""`RunLogs` and `log_to` never stop a training, whatever the service answers, and hand over finite numbers only."""

from __future__ import annotations

import logging
import pickle
import socket
import time
from types import SimpleNamespace

import pytest

from judge_agent.trainers import RunLogs, log_to
from tests.trainers.answering import Reply, answering

ODD = ["[1]", '"ok"', '{"a": null}', '{"a": 1e999, "SECRET": 1}', "[" * 100_000, "<html>", ""]


def logged(logs: RunLogs) -> dict[str, object]:
    entry: dict[str, object] = {"loss": 1.0}
    logs.on_log(None, SimpleNamespace(global_step=1, log_history=[]), None, logs=entry)
    return entry


@pytest.mark.parametrize("body", ODD)
def test_an_odd_answer_stops_no_training(body: str, caplog: pytest.LogCaptureFixture) -> None:
    handed: list[object] = []
    with answering(to_get=Reply(body=body)) as server, caplog.at_level(logging.WARNING):
        assert logged(RunLogs("r", url=server.url)) == {"loss": 1.0}
        assert log_to(handed.append, "r", 1, url=server.url) == {}
    assert handed == []
    assert caplog.text.count("not in the log") == 2
    assert "SECRET" not in caplog.text


@pytest.mark.parametrize("url", ["http://127.0.0.1:99999", "nowhere"])
def test_an_address_that_is_none_stops_no_training(url: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert logged(RunLogs("r", url=url)) == {"loss": 1.0}
        assert log_to(print, "r", url=url) == {}
    assert caplog.text.count("JUDGE_URL") == 2


def test_a_name_of_a_run_that_is_none_stops_no_training(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert logged(RunLogs(7, url="http://127.0.0.1:9")) == {"loss": 1.0}  # type: ignore[arg-type]
    assert "TypeError" in caplog.text


def test_a_service_that_hangs_holds_a_training_up_no_longer_than_was_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf, caplog.at_level(logging.WARNING):
        logs = RunLogs("r", url=f"http://127.0.0.1:{deaf.getsockname()[1]}", seconds=0.1)
        began = time.monotonic()
        assert logged(pickle.loads(pickle.dumps(logs))) == {"loss": 1.0}
    assert time.monotonic() - began < 5
    assert "no answer within 0.1 s" in caplog.text


def test_finite_numbers_are_handed_over() -> None:
    with answering(to_get=Reply(body='{"judge/points": 3, "judge/mean": 0.5}')) as server:
        assert log_to(dict, "r", 1, url=server.url) == {"judge/points": 3.0, "judge/mean": 0.5}
        assert logged(RunLogs("r", url=server.url))["judge/mean"] == 0.5
