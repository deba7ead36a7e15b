"""A server whose `created` is the time of the question can be pinned; one whose `created` changes is another one."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from judge_agent.models.fake_server import FakeServer
from judge_agent.models.openai_chat import OpenAIChatModel
from judge_agent.models.openai_info import read_info
from tests.service.served import request, serving

pytestmark = pytest.mark.anyio


class Clock(Mapping[str, Any]):
    """What a server lists, with a `created` of now each time that it is asked."""

    def __getitem__(self, name: str) -> Any:
        return {"root": "", "created": int(time.time())}[name]

    def __iter__(self) -> Iterator[str]:
        return iter(("root", "created"))

    def __len__(self) -> int:
        return 2


def pinned(seed: int) -> dict[str, Any]:
    return request(seed=seed, run={"id": "r", "step": 1, "pin": True})


async def test_a_created_of_now_is_no_drift() -> None:
    async with FakeServer() as server, OpenAIChatModel(server.base_url) as model:
        server.listed = Clock()
        async with serving(model=model) as served:
            for seed in range(2):
                answer = await served.post(pinned(seed))
                assert answer.status_code == 200
                assert answer.json()["candidates"][0]["status"] == "scored"
            first = (await served.http.get("/v1/pin")).json()["parts"]["model.revision"]
    async with FakeServer() as server, OpenAIChatModel(server.base_url) as later:
        server.listed = Clock()
        assert (await later.info_now()).revision == first


async def test_a_created_that_stands_still_is_a_revision_and_its_change_a_drift() -> None:
    listed = {"root": "", "created": 1_700_000_000}
    async with (
        FakeServer(listed=listed) as server,
        OpenAIChatModel(server.base_url) as model,
        serving(model=model) as served,
    ):
        assert (await served.post(pinned(0))).status_code == 200
        server.listed["created"] = 1_700_000_500
        answer = await served.post(pinned(1))
        assert answer.status_code == 409
        assert [one["part"] for one in answer.json()["changes"]] == ["model.revision"]


def test_the_revision_of_a_model_that_lists_its_weights_is_what_it_was() -> None:
    def revision(**entry: Any) -> str:
        data = {"data": [{"id": "m", **entry}]}
        given: dict[str, Any] = {"model": None, "revision": None, "context_window": 1, "base_url": ""}
        return read_info(data, abilities={"images": None}, **given).revision

    assert revision(root="w", created=1) == revision(root="w", created=2) != revision(root="v")
    assert revision(created=1) != revision(created=2)
