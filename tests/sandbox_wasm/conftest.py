"""Boxes of WebAssembly, compiled once for all runs of the tests."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandboxes.wasm import INSTALL, WasmSandbox, find_wasm_interpreter


@pytest.fixture(scope="session")
def wasm_cache(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if find_wasm_interpreter() is None:
        pytest.skip(f"no boxes of WebAssembly: {INSTALL}")
    cache = getattr(request.config, "cache", None)
    return cache.mkdir("boxes") if cache is not None else tmp_path_factory.mktemp("boxes")


@pytest.fixture(scope="session")
def wasm(wasm_cache: Path) -> Iterator[WasmSandbox]:
    sandbox = WasmSandbox(wasm_cache)
    yield sandbox
    asyncio.run(sandbox.aclose())
