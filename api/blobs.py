"""Uploads: bytes that judgments name by their SHA-256, such as database files."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from api.auth import Tenant
from api.body import read_chunks
from api.parts import Parts
from api.problems import Problem, bounded, invalid
from api.queries import no_query
from judge_agent.resources import BlobTooLarge, QuotaExceeded
from judge_agent.seams.resources import ResourceMissing

router = APIRouter(prefix="/v1/blobs", tags=["blobs"])
MEDIA_TYPE = "application/octet-stream"
_BODY = {"content": {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}}, "required": True}


class Blob(BaseModel):
    """An upload that is kept; `sha256` is what `resources` name it by."""

    object: Literal["blob"] = "blob"
    sha256: str
    bytes: int


@router.post("", status_code=201, openapi_extra={"requestBody": _BODY})
async def create_blob(request: Request, tenant: Tenant) -> Blob:
    """Keep the body, as `application/octet-stream`, for judgments of the caller's tenant.

    The same bytes sent again are the same blob, so that a repeated upload does no harm.
    """
    no_query(request)
    _check_headers(request)
    parts: Parts = request.app.state.parts
    limit = parts.settings.max_blob_bytes
    chunks = read_chunks(request, limit, "JUDGE_MAX_BLOB_BYTES")
    try:
        async with parts.blobs.upload(tenant, _declared(request, limit)) as upload:
            async for chunk in chunks:
                await upload.write(chunk)
            if not upload.written:
                raise invalid("body", "is empty; send the bytes of the blob", limit="at least 1 byte")
    except BlobTooLarge:
        raise Problem(413, "body_too_large", f"the blob is larger than {limit} bytes", limit=limit) from None
    except QuotaExceeded:
        if request.headers.get("expect", "").lower() != "100-continue":
            async for _ in chunks:  # a client that is still sending reads no answer
                pass
        total = parts.settings.max_tenant_blob_bytes
        detail = (
            "the blobs of this tenant, with those on their way in, would be larger than "
            f"{total} bytes (JUDGE_MAX_TENANT_BLOB_BYTES)"
        )
        raise Problem(413, "quota_exceeded", detail, limit=total) from None
    return Blob(sha256=upload.sha256, bytes=upload.written)


def _declared(request: Request, limit: int) -> int | None:
    """How many bytes the body says to have; None where it does not say, or more than one blob may have."""
    said = request.headers.get("content-length", "")
    return int(said) if said.isascii() and said.isdigit() and len(said) < 19 and int(said) <= limit else None


@router.get("/{sha256}")
async def get_blob(sha256: str, request: Request, tenant: Tenant) -> Blob:
    """Say whether the caller's tenant has kept a blob, and how large it is; its bytes are not sent back."""
    no_query(request)
    parts: Parts = request.app.state.parts
    try:
        return Blob(sha256=sha256, bytes=await parts.blobs.size(tenant, sha256))
    except ResourceMissing:
        raise _missing() from None


@router.delete("/{sha256}", status_code=204)
async def delete_blob(sha256: str, request: Request, tenant: Tenant) -> Response:
    """Take a blob away. Judgments that still name it end unscored."""
    no_query(request)
    parts: Parts = request.app.state.parts
    try:
        await parts.blobs.delete(tenant, sha256)
    except ResourceMissing:
        raise _missing() from None
    return Response(status_code=204)


def _missing() -> Problem:
    return Problem(404, "not_found", "there is no such blob")


def _check_headers(request: Request) -> None:
    """Only a type that no form of a web page can send."""
    content_type = ", ".join(request.headers.getlist("content-type"))
    if content_type.partition(";")[0].strip().lower() != MEDIA_TYPE:
        detail = f"the body must be {MEDIA_TYPE}, not {bounded(content_type)!r}"
        raise Problem(415, "unsupported_media_type", detail, headers={"Accept": MEDIA_TYPE})
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Problem(415, "unsupported_media_type", "compressed bodies are not read; send it as it is")
