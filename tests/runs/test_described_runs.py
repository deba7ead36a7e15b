"""The API page describes what a run answers, and what a run answers is what the page describes."""

from __future__ import annotations

import pytest
from jsonschema import Draft202012Validator

from tests.service.served import request, serving

pytestmark = pytest.mark.anyio


async def test_every_field_of_a_run_is_described_and_no_other_is_answered() -> None:
    async with serving() as served:
        page = (await served.http.get("/openapi.json")).json()
        answer = page["paths"]["/v1/runs/{run_id}"]["get"]["responses"]["200"]
        schema = answer["content"]["application/json"]["schema"] | {"components": page["components"]}
        holds = Draft202012Validator(schema)
        for step in (None, 1, 2):
            run = {"id": "r", "pin": True} | ({} if step is None else {"step": step})
            await served.post(request(run=run))
        await served.post(request(run={"id": "r", "step": 2}, recipe="verify", principles=None))
        told = (await served.http.get("/v1/runs/r")).json()
        holds.validate(told)
        holds.validate((await served.http.get("/v1/runs/r", params={"overall": "no"})).json())
        holds.validate((await served.http.get("/v1/runs/r", params={"format": "flat"})).json())
        assert not holds.is_valid(told | {"other": 1})
        assert not holds.is_valid(told | {"steps": [{**told["steps"][0], "other": 1}]})
        assert not holds.is_valid({"judge/points": "three"})
