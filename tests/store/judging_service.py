"""One of several services on one PostgreSQL: `judging_service.py URL FOLDER SECONDS_PER_CALL LEASE_SECONDS`.

Prints its URL once it serves. Every model call is noted in FOLDER/calls before it is answered.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from api.parts import assembled
from api.server import JudgeServer, bind
from api.settings import Settings
from judge_agent.judge import Judge
from judge_agent.log import MemoryLog
from judge_agent.models.scripted import Answer, Held, ScriptedModel, ScriptedRequest, by_schema
from judge_agent.store.postgres import PostgresStore


def counted_model(calls: Path, seconds_per_call: float) -> ScriptedModel:
    """A model that takes its time, and notes each call in one write, so that processes share the file."""

    def answer(request: ScriptedRequest) -> Answer:
        with calls.open("a") as noted:
            noted.write(f"{request.seed}\n")
        gate = asyncio.Event()
        asyncio.get_running_loop().call_later(seconds_per_call, gate.set)
        return Held(gate, by_schema())

    return ScriptedModel(otherwise=answer)


async def main(url: str, folder: Path, seconds_per_call: float, lease_seconds: float) -> None:
    settings = Settings(port=0, data_dir=folder, database_url=url, max_running=8, lease_seconds=lease_seconds)
    async with PostgresStore.opened(url) as store:
        judge = Judge(
            model=counted_model(folder / "calls", seconds_per_call),
            tools=(),
            journal=store.journal,
            shared=store.shared,
            log=MemoryLog(),
        )
        async with assembled(settings, store=store, judge=judge) as parts:
            listener = bind("127.0.0.1", 0)
            server = JudgeServer(parts, listener, started=lambda found: print(found, flush=True))
            await server.run_until_stopped()
            listener.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])))
