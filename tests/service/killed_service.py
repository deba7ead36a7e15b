"""Serves from a database until it is killed: `killed_service.py DATABASE SECONDS_PER_CALL`. Prints its URL.

Every model call is noted in DATABASE's folder before it is answered, so that repeated ones can be counted.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from judge_agent.models.scripted import Answer, Held, ScriptedModel, ScriptedRequest, by_schema
from tests.service.served import serving


async def main(path: Path, seconds_per_call: float) -> None:
    calls = path.with_suffix(".calls").open("a")

    def answer(request: ScriptedRequest) -> Answer:
        calls.write(f"{request.seed}\n")
        calls.flush()
        gate = asyncio.Event()
        asyncio.get_running_loop().call_later(seconds_per_call, gate.set)
        return Held(gate, by_schema())

    async with serving(path, model=ScriptedModel(otherwise=answer)) as served:
        print(served.url, flush=True)
        await served.running


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), float(sys.argv[2])))
