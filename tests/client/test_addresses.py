"""Addresses of the service: which are refused, and that a password in one reaches the service and nobody else."""

from __future__ import annotations

import logging
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from judge_agent.client import AsyncJudgeClient, JudgeClient
from judge_agent.client.target import Target
from judge_agent.errors import InvalidRequest, JudgeClientError
from judge_agent.trainers import RolloutJudge
from tests.service.served import Served, request, serving_in_a_thread

KEY = "key-in-an-address-0123456789"


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving_in_a_thread(api_keys=f"ada:{KEY}") as found:
        yield found


def with_key(url: str) -> str:
    return url.replace("http://", f"http://ada:{KEY}@")


@pytest.mark.parametrize("make", [JudgeClient, AsyncJudgeClient, RolloutJudge])
def test_a_port_that_no_machine_has_is_refused_at_once(make: Callable[[str], Any]) -> None:
    make("http://127.0.0.1:65535")
    with pytest.raises(InvalidRequest, match=r"url: .*99999.*JUDGE_URL"):
        make("http://127.0.0.1:99999")
    with pytest.raises(InvalidRequest, match=r"url: .*port -1.*JUDGE_URL"):
        make("http://127.0.0.1:-1")


def test_a_port_of_the_environment_is_refused_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUDGE_URL", "https://127.0.0.1:65536/base")
    with pytest.raises(InvalidRequest, match=r"65536.*JUDGE_URL"):
        JudgeClient()


def test_a_key_in_the_address_lets_in_and_stands_in_no_log(
    served: Served, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("JUDGE_URL", with_key(served.url))
    # What stands in the address is what the service is asked with, as it is by every other HTTP client.
    monkeypatch.setenv("JUDGE_API_KEY", "another")
    with caplog.at_level(logging.DEBUG), JudgeClient() as client:
        assert client.judge(request()).state == "done"
    assert "/v1/judgments" in caplog.text
    assert KEY not in caplog.text


def test_a_copy_of_a_client_has_the_key_of_its_address(served: Served) -> None:
    with JudgeClient(with_key(served.url)) as client, pickle.loads(pickle.dumps(client)) as copy:
        assert copy.judge(request()).state == "done"


def test_a_name_alone_in_an_address_may_be_a_key_and_is_shown_nowhere() -> None:
    client = AsyncJudgeClient(f"https://{KEY}@judge.example/base/")
    assert client.url == "https://judge.example/base"
    assert KEY not in repr(client)
    assert KEY not in repr(RolloutJudge(f"https://{KEY}@judge.example/base/"))


def test_what_is_escaped_in_an_address_is_sent_as_it_was_meant() -> None:
    plain = Target.of("http://ada:p%40ss@judge.example", None, 1.0, None)
    assert plain.headers() == {"Authorization": "Basic YWRhOnBAc3M="}
    assert "p%40ss" not in repr(plain)
    assert "p@ss" not in repr(plain)


@pytest.mark.parametrize(
    "address",
    [
        "ftp://ada:SECRET@judge.example",
        "http://ada:SECRET@judge.example:99999",
        "http://ada:SECRET@judge.example:many",
        "http://ada:SECRET/1@judge.example",
        "http://ada:SECRET@",
        "ada:SECRET@judge.example:8800",
        "http://ada:SECRET\n@judge.example",
        "http://ada:SECRET\udcff@judge.example",
    ],
)
def test_an_address_that_is_refused_is_told_without_its_password(address: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        JudgeClient(address)
    assert "SECRET" not in str(caught.value)
    assert "JUDGE_URL" in str(caught.value)


@pytest.mark.parametrize("make", [JudgeClient, AsyncJudgeClient, RolloutJudge])
def test_a_copy_of_a_client_holds_no_password_of_the_environment(
    make: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUDGE_URL", with_key("http://judge.example:8800"))
    assert KEY.encode() not in pickle.dumps(make())


def test_a_copy_of_a_client_reads_the_password_where_it_is_used(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUDGE_URL", with_key(served.url))
    with JudgeClient() as client, pickle.loads(pickle.dumps(client)) as copy:
        assert copy.judge(request()).state == "done"
        monkeypatch.setenv("JUDGE_URL", with_key("http://another.example"))
        with pytest.raises(JudgeClientError, match="401"):
            copy.judge(request(seed=2))
