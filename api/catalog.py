"""What this service can do: its recipes and its tools."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel

from api.auth import Tenant
from api.parts import Parts
from api.queries import no_query

router = APIRouter(prefix="/v1", tags=["catalog"])


class Catalog(BaseModel):
    object: Literal["list"] = "list"
    data: Sequence[Mapping[str, Any]]


@router.get("/recipes")
async def list_recipes(request: Request, tenant: Tenant) -> Catalog:
    """List the recipes: name, what they do, dimensions, defaults."""
    no_query(request)
    parts: Parts = request.app.state.parts
    return Catalog(data=parts.judge.recipes())


@router.get("/tools")
async def list_tools(request: Request, tenant: Tenant) -> Catalog:
    """List the tools: name, version, what they check, and the arguments that the model may give."""
    no_query(request)
    parts: Parts = request.app.state.parts
    return Catalog(data=parts.judge.tools())
