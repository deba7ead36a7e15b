"""Requests made from the schema on the page, and those with something else at one place: judged or refused by name."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.service.served import serving_in_a_thread

EXAMPLES = 60
_OTHER = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.lists(st.integers(), max_size=3),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=3),
)
_SETTINGS = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def service() -> Iterator[httpx.Client]:
    with (
        serving_in_a_thread(max_judgment_seconds=5) as served,
        httpx.Client(base_url=served.url, timeout=30) as http,
    ):
        yield http


@pytest.fixture(scope="module")
def bodies(service: httpx.Client) -> st.SearchStrategy[Any]:
    """Bodies that the document allows."""
    operation = schemathesis.openapi.from_dict(service.get("/openapi.json").json())["/v1/judgments"]["POST"]
    return operation.as_strategy().map(lambda case: case.body)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value if isinstance(value, list) else ())
    for key, item in items:
        yield from places(item, (*path, key))


def spoilt(body: Any, place: tuple[Any, ...], other: Any, how: str) -> Any:
    """A copy of a body with something at a place replaced, taken away or added."""
    if not place:
        return other
    copied = copy.deepcopy(body)
    inside = copied
    for key in place[:-1]:
        inside = inside[key]
    if how == "put":
        inside[place[-1]] = other
    elif how == "take":
        del inside[place[-1]]
    elif isinstance(inside, dict):
        inside["no_such_field"] = other
    else:
        inside.append(other)
    return copied


def is_judged_or_refused(service: httpx.Client, body: Any) -> int:
    answer = service.post("/v1/judgments", json=body)
    found = answer.json()
    assert answer.status_code in (200, 400, 409, 422), (body, answer.text)
    if answer.status_code == 200:
        assert found["state"] == "done"
        for one in found["candidates"]:
            assert (one["reward"] is None) >= (one["status"] == "unscored")
            assert one["failure_kind"] != "internal", (body, one["failure_reason"])
    else:
        assert found["code"]
        assert found["detail"]
        assert answer.status_code != 422 or found["field"], found
        assert len(answer.content) < 20_000
    return answer.status_code


@_SETTINGS
@given(data=st.data())
def test_what_the_schema_allows_is_judged_or_refused_by_field(
    service: httpx.Client, bodies: st.SearchStrategy[Any], data: st.DataObject
) -> None:
    is_judged_or_refused(service, data.draw(bodies))


@_SETTINGS
@given(data=st.data(), other=_OTHER, how=st.sampled_from(["put", "take", "add"]))
def test_what_the_schema_allows_but_for_one_place_is_judged_or_refused_by_field(
    service: httpx.Client, bodies: st.SearchStrategy[Any], data: st.DataObject, other: Any, how: str
) -> None:
    body = data.draw(bodies)
    place = random.Random(data.draw(st.integers(0, 2**32))).choice(list(places(body)))
    is_judged_or_refused(service, spoilt(body, place, other, how))
