"""Loads beforehand what an HTTP client would load with its first request.

A fork copies the locks of imports that another thread is in the middle of, and the child waits for them for ever:
trainers fork while their threads are at work. Nothing here is needed for itself.
"""

from __future__ import annotations

import contextlib
import importlib

_LATE = (
    "anyio", "anyio._backends._asyncio", "anyio.streams.tls", "certifi", "concurrent.futures.thread", "encodings.idna",
    "h11", "httpcore", "httpcore._backends.anyio", "httpcore._backends.auto", "importlib.resources", "queue", "sniffio",
    "ssl", "uuid",
)  # fmt: skip


def load() -> None:
    """Import the modules; one that a newer version no longer has is not missed."""
    for name in _LATE:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    with contextlib.suppress(ImportError):
        # Where the certificates lie is looked up by modules that are loaded for that alone.
        importlib.import_module("certifi").where()


load()
