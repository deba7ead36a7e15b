"""The numbers of the service, as Prometheus asks for them. What they are: `api/measuring.py`."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST

from api.described_answers import OPEN
from api.parts import Parts
from judge_agent.errors import StoreError
from judge_agent.store import Open

router = APIRouter(tags=["health"])


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
    openapi_extra=OPEN,
)
async def metrics(request: Request) -> Response:
    """Numbers for Prometheus. Open to everyone who reaches the port: there are no ids, tenants or contents in them."""
    parts: Parts = request.app.state.parts
    text = parts.metrics.text(await _open(parts), await _open_groups(parts), parts.canaries.rows)
    return Response(text, media_type=CONTENT_TYPE_LATEST)


async def _open(parts: Parts) -> Open | None:
    """How many judgments are open; None, and no such numbers, where the store does not answer."""
    try:
        return await parts.store.open_count()
    except StoreError:
        return None


async def _open_groups(parts: Parts) -> dict[str, int] | None:
    try:
        return await parts.store.groups.open_counts()
    except StoreError:
        return None
