"""What every facade's route begins with: who asks, how to judge, and the body, typed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, ConfigDict, ValidationError

from api.body import read_json
from api.compat.query import described
from api.parts import Parts
from api.validation import as_problem

T = TypeVar("T", bound=BaseModel)
_PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
RESPONSES: dict[int | str, dict[str, Any]] = {
    503: {
        "description": "The judge has no reward, and none is made up; or the service is stopping. `Retry-After` says "
        "when to send it again.",
        "content": _PROBLEM,
    }
}


class Sent(BaseModel):
    """What a facade reads of a client's body; a field that it does not know is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def parts_of(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts


async def read_body(request: Request) -> Any:
    """The parsed JSON. Raises Problem: 400, 408, 413, 415 or 422."""
    parts = parts_of(request)
    return (await read_json(request, parts.settings.max_body_bytes, parts.large_bodies)).data


async def read_sent(request: Request, kind: type[T]) -> T:
    """The body as a model. Raises Problem that names the field."""
    return typed(await read_body(request), kind)


def typed(data: Any, kind: type[T]) -> T:
    """Data as a model. Raises Problem 422 that names the field."""
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        raise as_problem(error, data) from None


def ignored(names: Iterable[str]) -> dict[str, str]:
    """Name what was sent and not read, in plain characters: nothing is left out in silence."""
    said = ", ".join(name[:64].encode("ascii", "backslashreplace").decode() for name in list(names)[:16])
    return {"X-Ignored-Fields": "".join(c if c.isprintable() else "?" for c in said)} if said else {}


def documented(
    kind: type[BaseModel], example: Mapping[str, Any] | list[Any], *, most: int | None = None, **how: Any
) -> dict[str, Any]:
    """What the OpenAPI page tells of a route that reads its body by itself; `most`: a list of 1 to so many of them."""
    schema = kind.model_json_schema()
    if most is not None:
        schema = {"type": "array", "minItems": 1, "maxItems": most, "items": schema}
    content = {"application/json": {"schema": schema, "example": example}}
    return {"parameters": described(**how), "requestBody": {"required": True, "content": content}}
