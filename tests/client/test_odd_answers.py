"""A service that gives odd answers, or none: an error of the client's own, and never a raw one."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from judge_agent.client import JudgeClient
from judge_agent.errors import RequestRefused, ServiceUnavailable
from judge_agent.schema import Judgment
from tests.trainers.answering import Reply, answering

NO_OBJECT = ["[1]", '"ok"', "7", "null", "[" * 100_000, '{"a":' * 100_000, "<html>", "", "1" * 5000]
ODD_LISTS = [
    *NO_OBJECT,
    "{}",
    '{"data": null}',
    '{"data": {}}',
    '{"data": [1]}',
    '{"data": [{}]}',
    '{"data": [{"name": 1}]}',
]
ONE = {"id": "jdg_1", "state": "done", "created": 1.0}
CALLS: dict[str, Callable[[JudgeClient], object]] = {
    "list": lambda client: client.list(),
    "recipes": lambda client: client.recipes(),
    "tools": lambda client: client.tools(),
    "find_groups": lambda client: client.find_groups("g"),
}


@pytest.mark.parametrize("name", CALLS)
def test_what_is_no_list_is_told_as_such(name: str) -> None:
    for body in ODD_LISTS:
        with answering(to_get=Reply(body=body)) as server, JudgeClient(server.url) as client:
            with pytest.raises(ServiceUnavailable, match="JUDGE_URL") as caught:
                CALLS[name](client)
            assert caught.value.status == 200, body[:20]


def test_a_page_whose_cursor_is_no_text_is_told_as_such_and_one_without_is_the_last() -> None:
    odd = json.dumps({"data": [ONE], "next_cursor": {"a": 1}})
    with (
        answering(to_get=Reply(body=odd)) as server,
        JudgeClient(server.url) as client,
        pytest.raises(ServiceUnavailable, match="next_cursor"),
    ):
        client.list()
    last = json.dumps({"data": [ONE]})
    with answering(to_get=Reply(body=last)) as server, JudgeClient(server.url) as client:
        assert client.list() == ((Judgment.model_validate(ONE),), None)


@pytest.mark.parametrize("body", [*NO_OBJECT, "{}", '{"sha256": null}', '{"sha256": 7}'])
def test_a_pin_that_is_no_text_is_told_as_such(body: str) -> None:
    with (
        answering(to_get=Reply(body=body)) as server,
        JudgeClient(server.url) as client,
        pytest.raises(ServiceUnavailable, match="JUDGE_URL"),
    ):
        client.pin()


@pytest.mark.parametrize(
    "body",
    [*NO_OBJECT, '{"a": null}', '{"a": "7"}', '{"a": 1e999}', '{"a": NaN}', '{"a": 1%s}' % ("0" * 400)],
)
def test_metrics_that_are_no_finite_numbers_are_told_as_such(body: str) -> None:
    with (
        answering(to_get=Reply(body=body)) as server,
        JudgeClient(server.url) as client,
        pytest.raises(ServiceUnavailable, match="JUDGE_URL"),
    ):
        client.run_metrics("r")


@pytest.mark.parametrize("body", NO_OBJECT)
def test_health_and_runs_are_objects(body: str) -> None:
    with answering(to_get=Reply(body=body)) as server, JudgeClient(server.url) as client:
        for call in (client.health, lambda: client.run("r")):
            with pytest.raises(ServiceUnavailable, match="JUDGE_URL"):
                call()


def test_health_of_nobody_is_an_error_of_the_client() -> None:
    with JudgeClient("http://127.0.0.1:9") as client, pytest.raises(ServiceUnavailable) as caught:
        client.health()
    assert caught.value.status is None
    assert "ConnectError" in str(caught.value)


def test_a_refusal_whose_body_cannot_be_read_is_a_refusal() -> None:
    deep = Reply(status=404, body="[" * 100_000)
    with (
        answering(to_get=deep) as server,
        JudgeClient(server.url) as client,
        pytest.raises(RequestRefused, match="404 from the service"),
    ):
        client.get("jdg_1")
