"""Asks processes of plain Python, two side by side."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

AT_ONCE = 2
MAX_LINE_BYTES = 2**26
ROOT = Path(__file__).parents[2]
Item = TypeVar("Item")
Answer = TypeVar("Answer")


class PlainPython:
    """One process, which answers a line for a line. Not for concurrent use."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def ask(self, job: dict[str, Any]) -> Any:
        """Raises RuntimeError when the process has ended."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(job).encode() + b"\n")
        await self._process.stdin.drain()
        line = await self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"plain Python ended with exit code {await self._process.wait()}")
        return json.loads(line)


async def ask_each(
    items: Sequence[Item], one: Callable[[PlainPython, Item], Awaitable[Answer]], tick: Callable[[], None]
) -> list[Answer]:
    """The answer for each item, in their order; `tick` is called after each."""
    found: dict[int, Answer] = {}
    left = iter(enumerate(items))

    async def work() -> None:
        async with _plain_python() as process:
            for index, item in left:
                found[index] = await one(process, item)
                tick()

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(work())
    return [found[index] for index in range(len(items))]


@asynccontextmanager
async def _plain_python() -> AsyncIterator[PlainPython]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "evals.mutation.plain"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        limit=MAX_LINE_BYTES,
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "0"},
        start_new_session=True,  # an interrupt of the whole group does not end it in the middle of a line
    )
    try:
        yield PlainPython(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.communicate()
