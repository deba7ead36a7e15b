"""Where the service is, and what a client shows it to be let in. No I/O; reads JUDGE_URL and JUDGE_API_KEY."""

from __future__ import annotations

import os
import re
import time
from base64 import b64encode
from dataclasses import dataclass, field

import httpx

from judge_agent.errors import InvalidRequest

DEFAULT_URL = "http://127.0.0.1:8800"
MAX_PORT = 65535
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
# Whatever stands before an @ may be a password: an address that cannot be read is cut there.
_BEFORE_AT = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*://)?.*@", re.DOTALL)


@dataclass(frozen=True)
class Target:
    """Where the service is. Keys and passwords are kept out of `repr`, and out of a pickle when the environment gave
    them.

    `url` is without the `user:password@` that may stand in an address: HTTP clients log addresses, and errors repeat
    them. It is kept apart as `credentials` and sent as a header.
    """

    url: str
    retry_seconds: float
    timeout_seconds: float | None = None
    given_key: str | None = field(default=None, repr=False)
    given_credentials: str | None = field(default=None, repr=False)
    of_environment: bool = False

    @classmethod
    def of(
        cls, url: str | None, api_key: str | None, retry_seconds: float, timeout_seconds: float | None
    ) -> Target:
        """Read an address, else JUDGE_URL. Raises InvalidRequest, without a password, for one that is none."""
        chosen = (url or _url_of_the_environment() or DEFAULT_URL).rstrip("/")
        found = _parsed(chosen)
        if found is None:
            raise InvalidRequest("url", f"{shown_url(chosen)!r} is no http or https address (JUDGE_URL)")
        if not 0 <= (found.port or 0) <= MAX_PORT:
            side = "above" if (found.port or 0) > MAX_PORT else "not among 0 to"
            raise InvalidRequest(
                "url", f"{shown_url(chosen)!r} has port {found.port}, {side} {MAX_PORT} (JUDGE_URL)"
            )
        credentials = _userinfo(found) if url else None
        return cls(shown_url(chosen), retry_seconds, timeout_seconds, api_key, credentials, not url)

    @property
    def is_loopback(self) -> bool:
        """Whether proxies of the environment must not be asked for this address."""
        return httpx.URL(self.url).host in _LOOPBACK

    def deadline(self, timeout_seconds: float | None) -> float | None:
        """When waiting ends, as `time.monotonic` counts."""
        seconds = self.timeout_seconds if timeout_seconds is None else timeout_seconds
        return None if seconds is None else time.monotonic() + seconds

    def headers(self) -> dict[str, str]:
        """Return the header that lets a client in; what stands in the address goes before the key.

        Raises InvalidRequest, without the key, for one that no header can carry.
        """
        key = (self.given_key or os.environ.get("JUDGE_API_KEY") or "").strip()
        if not key.isascii() or not key.isprintable():
            raise InvalidRequest("api_key", "holds characters that no HTTP header can carry (JUDGE_API_KEY)")
        if (credentials := self._credentials()) is not None:
            return {"Authorization": f"Basic {b64encode(credentials.encode()).decode('ascii')}"}
        return {"Authorization": f"Bearer {key}"} if key else {}

    def _credentials(self) -> str | None:
        """What the address held; where JUDGE_URL was that address, what it holds now."""
        url = _url_of_the_environment()
        if not (self.of_environment and url and shown_url(url) == self.url):
            return self.given_credentials
        found = _parsed(url)
        return None if found is None else _userinfo(found)


def _url_of_the_environment() -> str:
    return os.environ.get("JUDGE_URL", "").rstrip("/")


def _userinfo(url: httpx.URL) -> str | None:
    return f"{url.username}:{url.password}" if url.userinfo else None


def shown_url(url: str) -> str:
    """An address as it may be shown: without the user and the password that may stand in it."""
    found = _parsed(url)
    if found is None:
        return _BEFORE_AT.sub(r"\1", url)
    return str(found.copy_with(userinfo=b"")).rstrip("/") if found.userinfo else url


def _parsed(text: str) -> httpx.URL | None:
    """None for what is no http or https address."""
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, UnicodeError):
        return None
    return url if url.scheme in ("http", "https") and url.host else None
