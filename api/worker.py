"""One of several processes that serve one port: `python -m api.worker`, started by `api/workers.py` only."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import select
import socket
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from api.server import JudgeServer
    from api.settings import Settings

LOOK_SECONDS = 0.1


def main(arguments: list[str] | None = None) -> int:
    """Serve on an inherited socket until told to stop; returns 1 where the service cannot start, and says why."""
    parser = argparse.ArgumentParser(prog="python -m api.worker")
    parser.add_argument("--listen", type=int, required=True, help="descriptor of the listening socket")
    parser.add_argument("--ready", type=int, required=True, help="descriptor to write to when it serves")
    parser.add_argument("--life", type=int, required=True, help="descriptor that ends with the parent")
    parser.add_argument("--place", type=int, required=True, help="its number among the workers")
    parser.add_argument("--overrides", default="{}", help="settings of the command line, as JSON")
    given = parser.parse_args(arguments)
    serving = threading.Event()
    threading.Thread(target=_ended_while_starting, args=(given.life, serving), daemon=True).start()
    return _run(given, serving)


def _ended_while_starting(life: int, serving: threading.Event) -> None:
    """End with the parent while there is nothing to put away yet. Whoever starts the service again needs the port."""
    while not serving.is_set():
        if select.select([life], [], [], LOOK_SECONDS)[0]:
            if not serving.is_set():
                os._exit(1)
            return


def _run(given: argparse.Namespace, serving: threading.Event) -> int:
    # Imported late: this takes a second, in which the parent may end.
    from api.logs import configure
    from api.settings import from_environment
    from api.worker_numbers import count_at
    from judge_agent.cli.serve import configure_logging, loop_factory
    from judge_agent.errors import JudgeError

    configure_logging()
    try:
        settings = from_environment(None, **json.loads(given.overrides))
        configure(settings)
        count_at(given.place)
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run(_serve(settings, given, serving))
    except JudgeError as error:
        sys.stderr.write(f"judge-agent: {error}\n")
        return 1
    return 0


async def _serve(settings: Settings, given: argparse.Namespace, serving: threading.Event) -> None:
    from api.server import JudgeServer
    from api.wiring import service

    listener, life = socket.socket(fileno=given.listen), given.life
    async with service(settings, is_alone=False) as parts:
        server = JudgeServer(parts, listener, started=lambda _: _tell(given.ready))
        loop = asyncio.get_running_loop()
        # Nothing is ever written to it: it is readable when the parent is gone, however it went.
        loop.add_reader(life, _abandoned, loop, life, server)
        serving.set()
        try:
            await server.run_until_stopped()
        finally:
            loop.remove_reader(life)


def _abandoned(loop: asyncio.AbstractEventLoop, life: int, server: JudgeServer) -> None:
    loop.remove_reader(life)
    server.abandon()


def _tell(ready: int) -> None:
    with contextlib.suppress(BrokenPipeError):  # the parent has gone, which `life` tells as well
        os.write(ready, b"1")
    os.close(ready)


if __name__ == "__main__":
    sys.exit(main())
