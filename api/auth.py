"""Who is calling: a key gives a tenant. Without any key, everyone on this machine is the tenant `local`."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import secrets
import time
import uuid
from typing import Annotated, NamedTuple

from fastapi import Depends, Request

from api.callers import LOCAL_TENANT, Caller
from api.problems import Problem
from judge_agent.store import ApiKey, KeyLimits, KeyScope, Store

# A key that is added or revoked beside the running service works, or ends, within this time.
REFRESH_SECONDS = 2.0
_JUDGING = frozenset({"/v1/judgments", "/v1/judgments/batch", "/v1/groups"})
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="judge-agent"'}


class NewKey(NamedTuple):
    """A fresh key: the secret is shown once, the row is kept."""

    secret: str
    row: ApiKey


def make_key(tenant: str, scope: KeyScope = "all") -> NewKey:
    """Make a key of 256 random bits, so that a plain hash of it cannot be searched."""
    secret = f"jk_{secrets.token_urlsafe(32)}"
    id_ = f"key_{uuid.uuid4().hex[:12]}"
    return NewKey(secret, ApiKey(id_, tenant, digest(secret), secret[:7], time.time(), scope=scope))


def digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


class KeyRing:
    """The keys that work: those of the settings and those of the database."""

    def __init__(
        self,
        store: Store,
        configured: tuple[tuple[str, str], ...] = (),
        defaults: KeyLimits = KeyLimits(),  # noqa: B008 - it never changes
    ) -> None:
        """Take `configured` as (tenant, secret) pairs; only their hashes are held. `defaults` are the limits of keys
        that have none of their own."""
        self._store = store
        self._defaults = defaults.within(KeyLimits())
        self._configured = tuple(
            (sha256, Caller(tenant, "all", f"set_{sha256[:12]}", self._defaults))
            for sha256, tenant in ((digest(secret), tenant) for tenant, secret in configured)
        )
        self._known = self._configured
        self._locked = bool(configured)
        self._read_at: float | None = None
        self._reading = asyncio.Lock()

    async def has_keys(self) -> bool:
        """Whether a key is needed. Revoked ones count too: revoking the last must not open the door."""
        await self._refresh()
        return self._locked

    async def caller(self, secret: str | None) -> Caller | None:
        """Return whom a key stands for, None where it is missing or wrong."""
        if not await self.has_keys():
            return Caller(LOCAL_TENANT, "all", LOCAL_TENANT, self._defaults)
        if not secret:
            return None
        presented, found = digest(secret), None
        for known, caller in self._known:
            if hmac.compare_digest(known, presented):
                found = caller
        return found

    async def _refresh(self) -> None:
        # Whoever comes while the keys are read waits for them: before the first reading there are none to compare.
        async with self._reading:
            if self._read_at is None or time.monotonic() - self._read_at >= REFRESH_SECONDS:
                await self._read()

    async def _read(self) -> None:
        kept, limits = await self._store.keys(), await self._store.quotas.limits()
        self._known = self._configured + tuple(
            (key.sha256, Caller(key.tenant, key.scope, key.id, self._limits(limits.get(key.id))))
            for key in kept
            if key.revoked is None
        )
        self._locked = bool(self._configured) or bool(kept)
        self._read_at = time.monotonic()

    def _limits(self, own: KeyLimits | None) -> KeyLimits:
        return (own or KeyLimits()).within(self._defaults)


async def caller(request: Request) -> Caller:
    """Return who sends a request. Raises Problem 401, and 403 for what the key may not do."""
    keys: KeyRing = request.app.state.parts.keys
    secret = _presented(request)
    found = await keys.caller(secret)
    if found is None:
        detail = "the key is wrong or revoked" if secret else "a key is needed"
        detail += ": send Authorization: Bearer KEY, or X-Api-Key: KEY"
        raise Problem(401, "unauthorized", detail, headers=_CHALLENGE)
    if found.scope == "judge" and not _is_judging(request):
        may = "it has rollouts judged, and reads judgments and groups by their ids, nothing else"
        detail = f"this key is of scope 'judge': {may}"
        raise Problem(403, "forbidden", detail)
    # Kept for the RateLimit fields of the answer, whatever it will be.
    request.state.caller = found
    return found


def _is_judging(request: Request) -> bool:
    """Whether a key that may stand in a URL, and so in logs of others, may do this."""
    method, path = request.method, request.url.path
    if path.startswith("/compat/") or (method == "POST" and path in _JUDGING):
        return True
    return method == "GET" and (path == "/v1/groups" or path.startswith(("/v1/judgments/", "/v1/groups/")))


Calling = Annotated[Caller, Depends(caller)]


def tenant(caller: Calling) -> str:
    """Return whose a request is, for routes that only read and keep what is the tenant's."""
    return caller.tenant


Tenant = Annotated[str, Depends(tenant)]


def _presented(request: Request) -> str | None:
    """The key as it was sent: as a bearer's token, as the password of `http://user:key@host`, or in its own header.

    The second is for clients that set no headers, such as verl's for `POST /run_code`.
    """
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    if scheme.lower() == "basic" and (password := _password(token.strip())):
        return password
    return request.headers.get("x-api-key")


def _password(credentials: str) -> str | None:
    """The password of RFC 7617 credentials; None for what is none."""
    try:
        return base64.b64decode(credentials, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None
