"""One of several processes that serve one port: `python -m api.worker`, started by `api/workers.py` only."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import sys

from api import logs
from api.server import JudgeServer
from api.settings import Settings, from_environment
from api.wiring import service
from api.worker_numbers import count_at
from judge_agent.errors import JudgeError


def main(arguments: list[str] | None = None) -> int:
    """Serve on an inherited socket until told to stop; returns 1 where the service cannot start, and says why."""
    from judge_agent.cli.serve import configure_logging, loop_factory

    parser = argparse.ArgumentParser(prog="python -m api.worker")
    parser.add_argument("--listen", type=int, required=True, help="descriptor of the listening socket")
    parser.add_argument("--ready", type=int, required=True, help="descriptor to write to when it serves")
    parser.add_argument("--life", type=int, required=True, help="descriptor that ends with the parent")
    parser.add_argument("--place", type=int, required=True, help="its number among the workers")
    parser.add_argument("--overrides", default="{}", help="settings of the command line, as JSON")
    given = parser.parse_args(arguments)
    configure_logging()
    try:
        settings = from_environment(None, **json.loads(given.overrides))
        logs.configure(settings)
        count_at(given.place)
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run(_serve(settings, given.listen, given.ready, given.life))
    except JudgeError as error:
        sys.stderr.write(f"judge-agent: {error}\n")
        return 1
    return 0


async def _serve(settings: Settings, listen: int, ready: int, life: int) -> None:
    listener = socket.socket(fileno=listen)
    async with service(settings, is_alone=False) as parts:
        server = JudgeServer(parts, listener, started=lambda _: _tell(ready))
        loop = asyncio.get_running_loop()
        # Nothing is ever written to it: it is readable when the parent is gone, however it went.
        loop.add_reader(life, server.stop)
        try:
            await server.run_until_stopped()
        finally:
            loop.remove_reader(life)


def _tell(ready: int) -> None:
    os.write(ready, b"1")
    os.close(ready)


if __name__ == "__main__":
    sys.exit(main())
