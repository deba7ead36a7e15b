"""A key of scope `judge` has rollouts judged; whoever finds it in a log or a config can do nothing else with it."""

from __future__ import annotations

import pytest

from api.auth import make_key
from tests.service.served import request, serving

pytestmark = pytest.mark.anyio
ALLOWED = [("POST", "/v1/judgments"), ("GET", "/v1/judgments/{id}"), ("GET", "/v1/judgments/{id}/events")]
FORBIDDEN = [
    ("GET", "/v1/judgments"),
    ("POST", "/v1/judgments/{id}:cancel"),
    ("POST", "/v1/blobs"),
    ("POST", "/run_code"),
]


@pytest.mark.parametrize(("method", "path"), ALLOWED + FORBIDDEN, ids=str)
async def test_what_a_key_that_only_judges_may_do(method: str, path: str) -> None:
    async with serving() as served:
        judging, whole = make_key("ada", "judge"), make_key("ada")
        for key in (judging, whole):
            await served.parts.store.add_key(key.row)
        id_ = (await served.post(request(), x_api_key=whole.secret)).json()["id"]
        answer = await served.http.request(
            method,
            path.format(id=id_),
            headers={"X-Api-Key": judging.secret},
            json=request() if method == "POST" else None,
        )
        if (method, path) in ALLOWED:
            assert answer.status_code == 200
        else:
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
            assert judging.secret not in answer.text
