"""RewardAnything's own client against the facade of a service without a model, and against what it answers with one."""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
import types
from functools import lru_cache
from typing import Any

import pytest
import requests

from tests.trainers.answering import Reply, answering

pytestmark = pytest.mark.trainers


@lru_cache
def client_type() -> Any:
    """The package's client; its own start imports torch, which nothing here needs."""
    spec = importlib.util.find_spec("rewardanything")
    assert spec is not None
    package = types.ModuleType("rewardanything")
    package.__path__ = list(spec.submodule_search_locations or ())
    sys.modules["rewardanything"] = package
    return importlib.import_module("rewardanything.client").Client


def client(judge_url: str, **options: Any) -> Any:
    return client_type()(f"{judge_url}/compat/rewardanything", **{"max_retries": 0, "timeout": 60, **options})


def test_what_the_facade_answers_is_read_as_scores_and_a_ranking() -> None:
    told = {
        "thoughts": "b is right",
        "results": {"scores": {"a": 2.0, "b": 5.0}, "best-to-worst": ["b", "a"]},
    }
    with answering(lambda body: Reply(body=json.dumps(told))) as server:
        result = client(server.url).judge("Right is better.", "2+2?", {"a": "5", "b": "4"})
    assert (result.scores, result.ranking, result.reasoning) == (
        {"a": 2.0, "b": 5.0},
        ["b", "a"],
        "b is right",
    )
    assert server.bodies[0]["responses"] == {"a": "5", "b": "4"}


def test_its_health_check_is_answered(judge_url: str) -> None:
    assert client(judge_url).health_check() is True


def test_a_judge_without_evidence_raises_in_this_client(judge_url: str) -> None:
    with pytest.raises(requests.HTTPError, match="503"):
        client(judge_url).judge("Polite is better.", "Say hello.", {"a": "Hello.", "b": "Go away."})


def test_a_batch_without_evidence_raises_too(judge_url: str) -> None:
    item = {
        "principle": "Polite is better.",
        "prompt": "Say hello.",
        "responses": {"a": "Hello.", "b": "Go."},
    }
    with pytest.raises(requests.HTTPError, match="503"):
        client(judge_url).judge_batch([item])


def test_a_wrong_request_raises_with_422(judge_url: str) -> None:
    with pytest.raises(requests.HTTPError, match="422"):
        client(judge_url).judge("", "Say hello.", {"a": "Hello."})
