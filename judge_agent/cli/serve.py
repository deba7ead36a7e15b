"""`judge-agent serve`: the HTTP service, until it is told to stop."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from judge_agent.cli import checkout
from judge_agent.cli.open_files import raise_open_files
from judge_agent.cli.served_name import served_name
from judge_agent.errors import InvalidRequest


def add_parser(verbs: Any) -> None:
    parser = verbs.add_parser("serve", help="run the HTTP service")
    parser.add_argument("--host", help="address to listen on (JUDGE_HOST, 127.0.0.1)")
    parser.add_argument("--port", type=int, help="port to listen on, 0 for a free one (JUDGE_PORT, 8800)")
    parser.add_argument(
        "--data-dir", type=Path, help="folder of the database and the log (JUDGE_DATA_DIR, .judge)"
    )
    parser.add_argument(
        "--model",
        help="embedded, none, the URL of an OpenAI-compatible server, or a folder or hub id (org/name) that a "
        "vLLM of its own serves (JUDGE_MODEL, JUDGE_MODEL_URL, JUDGE_VLLM_MODEL)",
    )
    parser.add_argument("--workers", type=int, help="processes that serve and judge (JUDGE_WORKERS, 1)")
    parser.add_argument("--model-name", help="the model's name at that server (JUDGE_MODEL_NAME)")
    parser.add_argument("--revision", help="branch, tag or commit of a hub id (JUDGE_VLLM_REVISION)")
    parser.add_argument(
        "--max-model-len", type=int, help="vLLM's context window in tokens (JUDGE_VLLM_MAX_MODEL_LEN)"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT; returns 0. Raises JudgeError for what keeps the service from starting."""
    configure_logging()
    raise_open_files()
    settings, overrides = _settings(arguments)
    checkout.load("api.logs", "serve").configure(settings)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(_serve(settings) if settings.workers == 1 else _serve_with_workers(settings, overrides))
    return 0


def configure_logging() -> None:
    logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
    for chatty in ("httpx", "httpx2", "openai"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's, which takes a tenth off the cost of a call; None, the standard library's, where there is none."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


async def _serve(settings: Any) -> None:
    """Bind before the parts are opened, so that a taken port costs no model load."""
    server = checkout.load("api.server", "serve")
    wiring = checkout.load("api.wiring", "serve")
    listener = server.bind(settings.host, settings.port)
    with listener:
        async with wiring.service(settings) as parts:
            running = server.JudgeServer(parts, listener, started=lambda url: _announce(url, settings))
            await running.run_until_stopped()
    print("stopped; what had not ended goes on at the next start", flush=True)


async def _serve_with_workers(settings: Any, overrides: dict[str, Any]) -> None:
    server = checkout.load("api.server", "serve")
    workers = checkout.load("api.workers", "serve")
    workers.check(settings)
    listener = server.bind(settings.host, settings.port)
    with listener:
        async with workers.Workers.started(settings, listener, overrides) as running:
            _announce(server.url_of(listener), settings)
            print(f"workers: {', '.join(map(str, running.pids))}", flush=True)
            await running.until_stopped()
    print("stopped; what had not ended goes on at the next start", flush=True)


def _announce(url: str, settings: Any) -> None:
    print(f"judge-agent serves {url}  (API page: {url}/docs)")
    print(
        f"model: {_told(settings)}   data: {settings.data_dir.resolve()}   stop: Ctrl-C or kill {os.getpid()}",
        flush=True,
    )


def _told(settings: Any) -> str:
    if settings.model == "openai":
        return f"{settings.model_name} at {settings.model_url}"
    if settings.model == "vllm":
        return f"{settings.vllm_model} in vLLM (log: {settings.vllm_log})"
    return str(settings.model)


def _settings(arguments: argparse.Namespace) -> tuple[Any, dict[str, Any]]:
    """The settings, and what of them the command line gave; of a server's URL alone the model's name is asked."""
    read = checkout.load("api.settings", "serve").from_environment
    given = _overrides(arguments)
    if "model_url" in given:
        known = read(**(given | {"model": "none"}))
        key = known.model_api_key.get_secret_value() if known.model_api_key else None
        given["model_name"] = known.model_name or served_name(known.model_url, key)
    return read(**given), {name: value for name, value in given.items() if value is not None}


def _overrides(arguments: argparse.Namespace) -> dict[str, Any]:
    given = {name: getattr(arguments, name) for name in ("host", "port", "data_dir", "workers", "model_name")}
    given |= {"vllm_revision": arguments.revision, "vllm_max_model_len": arguments.max_model_len}
    return given | _model(arguments.model)


def _model(model: str | None) -> dict[str, Any]:
    if model is None or model in ("embedded", "openai", "vllm", "none"):
        return {"model": model}
    if model.startswith(("http://", "https://")):
        return {"model": "openai", "model_url": model}
    if "/" not in model and not Path(model).is_dir():
        raise InvalidRequest(
            "--model",
            f"{model!r} is neither embedded, openai, vllm, none, a URL, a folder, nor a hub id (org/name)",
        )
    return {"model": "vllm", "vllm_model": model}
