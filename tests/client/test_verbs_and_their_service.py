"""The verbs that ask a service: of an odd one, and of one that is not there yet, a line on stderr says so."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from judge_agent.cli import main
from tests.trainers.answering import Reply, answering, judgment

REQUEST: dict[str, Any] = {
    "recipe": "verify",
    "task": {"prompt": "2+2?", "reference": {"answer": "4"}},
    "candidates": [{"id": "a", "trajectory": {"text": "4"}}],
}
BUSY = Reply(status=503, body='{"detail": "it starts"}', retry_after="0")


@pytest.fixture
def verbs(tmp_path: Path) -> dict[str, list[str]]:
    path = tmp_path / "requests.jsonl"
    path.write_text(json.dumps(REQUEST) + "\n")
    return {
        "validate": ["validate", str(path)],
        "canaries": ["canaries", "verify"],
        "judge": ["judge", str(path)],
    }


@pytest.mark.parametrize("verb", ["validate", "canaries", "judge"])
def test_a_port_that_no_machine_has_is_a_message(
    verb: str, verbs: dict[str, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*verbs[verb], "--url", "http://127.0.0.1:99999"]) == 3
    assert "99999" in capsys.readouterr().err


@pytest.mark.parametrize(
    "body", ["[]", "{}", '{"data": [{}]}', '{"data": [{"name": "verify"}]}', '{"data": [7]}']
)
def test_canaries_of_a_service_that_lists_no_recipes_is_a_message(
    body: str, verbs: dict[str, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    with answering(to_get=Reply(body=body)) as server:
        assert main([*verbs["canaries"], "--url", server.url]) == 3
    assert "judge-agent canaries: the service" in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["validate", "canaries", "judge"])
def test_the_first_failed_try_is_told_once(
    verb: str, verbs: dict[str, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    busy: Sequence[Callable[[Any], Reply]] = [*[lambda _: BUSY] * 3, judgment]
    recipes = json.dumps({"data": [{"name": "verify", "models": [], "protocols": ["pointwise"]}]})
    with answering(busy, to_get=Reply(body=recipes)) as server:
        assert main([*verbs[verb], "--url", server.url]) != 3
    told = capsys.readouterr().err
    assert told.count("trying again") == 1
    assert f"judge-agent {verb}: 503 from the service: it starts; trying again for up to 60 s" in told
