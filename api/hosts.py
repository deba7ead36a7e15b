"""Refuses a foreign Host header: a page that rebinds its DNS name to this machine must not read from us."""

from __future__ import annotations

import ipaddress
import socket

from starlette.types import ASGIApp, Receive, Scope, Send

from api.problems import Problem, bounded, render
from api.settings import Settings

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class HostCheck:
    """ASGI middleware. Loopback names and configured ones pass; `*` among the configured switches it off.

    A service that listens beyond loopback (and so has keys) also answers to addresses, which cannot be
    rebound, and to this machine's own name.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        configured = {host.lower() for host in settings.allowed_hosts}
        self._any = "*" in configured
        self._addresses = not settings.is_loopback
        own = {socket.gethostname().lower()} if self._addresses else set[str]()
        self._names = _LOOPBACK | configured | own | {settings.host.lower()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or self._any:
            await self._app(scope, receive, send)
            return
        hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
        if len(hosts) == 1 and self._is_allowed(_name(hosts[0])):
            await self._app(scope, receive, send)
            return
        shown = bounded(hosts[0] if hosts else "")
        detail = f"this service does not answer to the host {shown!r}; add it to JUDGE_ALLOWED_HOSTS"
        await render(Problem(421, "unknown_host", detail))(scope, receive, send)

    def _is_allowed(self, name: str) -> bool:
        return name in self._names or (self._addresses and _is_address(name))


def _name(host: str) -> str:
    """The host without its port: `[::1]:8800` is `::1`."""
    host = host.strip().lower()
    if host.startswith("["):
        name, _, port = host[1:].partition("]")
        # `[::1].example.org` is a name of example.org.
        return name if not port or (port.startswith(":") and port[1:].isdecimal()) else host
    return host.rpartition(":")[0] if host.count(":") == 1 else host


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
