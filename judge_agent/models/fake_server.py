"""An OpenAI-compatible server without a model, which can misbehave on purpose. A double for tests and benchmarks.

    python -m judge_agent.models.fake_server --port 0 --misbehave error_500:2 --latency 0.05 --count-file counts

prints `http://127.0.0.1:PORT/v1` when it listens. In process: `async with FakeServer(misbehave="hang") as server`.
The same messages, schema and seed give the same answer. Every request for a completion is counted by the hash
of its body, at `/counts` and, one line each, in the count file, which outlives the server.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from aiohttp import web

from judge_agent.models.fake_answers import answer_to, prompt_logprobs, text_of, tokens_of
from judge_agent.models.fake_forms import FORMS, answer_in_form
from judge_agent.models.fake_modes import MODES, misbehave
from judge_agent.models.fake_streams import STREAM_MODES, send_stream

MAX_REQUEST_BYTES = 64_000_000
ALL_MODES = MODES | STREAM_MODES | FORMS


class FakeServer:
    """The server as an async context manager. `requests` holds the bodies, `counts` how often each came.

    `arrived` is set by the first request, `left` by the first client that goes before its answer.
    `misbehave` is one of `ALL_MODES`; `MODE:K` holds for the first K requests only. `edited` may change a good
    answer before it is sent, whole or as a stream. `context_window` None lists none; `listed` are further facts
    that `/models` tells of the model, and may be changed while it serves.
    """

    def __init__(
        self,
        *,
        misbehave: str = "none",
        latency_seconds: float = 0.0,
        port: int = 0,
        count_file: Path | None = None,
        model: str = "fake",
        context_window: int | None = 32_768,
        listed: Mapping[str, Any] | None = None,
        edited: Callable[[dict[str, Any]], dict[str, Any]] | None = None,
    ) -> None:
        self._mode, self._times = _parse_mode(misbehave)
        self.latency_seconds = latency_seconds
        self.requests: list[dict[str, Any]] = []
        self.counts: Counter[str] = Counter()
        self.arrived, self.left = asyncio.Event(), asyncio.Event()
        self._port, self._count_file = port, count_file
        self._model, self._window = model, context_window
        self.listed, self.edited = dict(listed or {}), edited
        self._vocabulary: dict[str, int] = {}
        self._runner: web.AppRunner | None = None

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._port}/v1"

    async def __aenter__(self) -> FakeServer:
        app = web.Application(client_max_size=MAX_REQUEST_BYTES)
        app.router.add_get("/v1/models", self._models)
        app.router.add_post("/v1/chat/completions", self._complete)
        app.router.add_post("/v1/completions", self._complete_prompt)
        app.router.add_post("/tokenize", self._tokenize)
        app.router.add_get("/counts", self._counts)
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _models(self, request: web.Request) -> web.Response:
        entry = {"id": self._model, "object": "model", "root": "fake-1", **self.listed}
        if self._window is not None:
            entry["max_model_len"] = self._window
        return web.json_response({"object": "list", "data": [entry]})

    async def _counts(self, request: web.Request) -> web.Response:
        return web.json_response(dict(self.counts))

    async def _tokenize(self, request: web.Request) -> web.Response:
        tokens = [self._id(token) for token in tokens_of(text_of(await request.json()))]
        return web.json_response({"count": len(tokens), "tokens": tokens, "max_model_len": self._window})

    def _id(self, token: str) -> int:
        return self._vocabulary.setdefault(token, len(self._vocabulary))

    async def _complete_prompt(self, request: web.Request) -> web.StreamResponse:
        """`/v1/completions` for a prompt of token ids, with the prompt's log-probabilities as vLLM tells them."""
        body = await request.json()
        self._count(body)
        if self._misbehaves() and self._mode in MODES:
            chat = {"messages": [], "n": 1}
            answered = await misbehave(self._mode, request, lambda schema: self.answer(chat, schema))
            if answered is not None:
                return answered
        texts = {token: text for text, token in self._vocabulary.items()}
        choice: dict[str, Any] = {"index": 0, "text": " the", "finish_reason": "length"}
        if body.get("prompt_logprobs") is not None:
            choice["prompt_logprobs"] = prompt_logprobs([(token, texts[token]) for token in body["prompt"]])
        return web.json_response({"object": "text_completion", "model": self._model, "choices": [choice]})

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self._count(body)
        try:
            await asyncio.sleep(self.latency_seconds)
            return await self._answered(request, body)
        except asyncio.CancelledError:
            self.left.set()
            raise
        except ValueError as error:
            return web.json_response({"error": {"message": str(error), "code": 400}}, status=400)

    async def _answered(self, request: web.Request, body: Mapping[str, Any]) -> web.StreamResponse:
        mode = self._mode if self._misbehaves() else "none"

        def respond(schema: Mapping[str, Any] | None) -> dict[str, Any]:
            return self.answer(body, schema)

        if mode in STREAM_MODES:
            return await send_stream(request, respond(None), mode)
        answered = await misbehave(mode, request, respond) if mode in MODES else None
        if answered is not None:
            return answered
        answer = answer_in_form(mode, respond, body) if mode in FORMS else respond(None)
        return await send_stream(request, answer) if body.get("stream") else web.json_response(answer)

    def _misbehaves(self) -> bool:
        return self._times is None or len(self.requests) <= self._times

    def _count(self, body: dict[str, Any]) -> None:
        self.requests.append(body)
        name = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
        self.counts[name] += 1
        self.arrived.set()
        if self._count_file is not None:
            with self._count_file.open("a", encoding="utf-8") as file:
                file.write(name + "\n")

    def answer(self, body: Mapping[str, Any], schema: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The well-behaved answer to a request body, as JSON; `schema` takes the place of the request's own."""
        answer = answer_to(body, self._model, schema)
        return self.edited(answer) if self.edited else answer


def _parse_mode(text: str) -> tuple[str, int | None]:
    mode, _, times = text.partition(":")
    if mode not in ALL_MODES:
        raise ValueError(f"no way to misbehave is called {mode!r}; there are {', '.join(ALL_MODES)}")
    return mode, int(times) if times else None


async def _serve(options: argparse.Namespace) -> None:
    server = FakeServer(
        misbehave=options.misbehave,
        latency_seconds=options.latency,
        port=options.port,
        count_file=options.count_file,
        context_window=options.context_window,
    )
    async with server:
        print(server.base_url, flush=True)  # noqa: T201 - the caller reads where it listens
        await asyncio.Event().wait()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the server until it is killed."""
    parser = argparse.ArgumentParser(prog="python -m judge_agent.models.fake_server", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one and prints it")
    parser.add_argument("--misbehave", default="none", metavar="MODE[:K]", help=", ".join(ALL_MODES))
    parser.add_argument("--latency", type=float, default=0.0, metavar="SECONDS")
    parser.add_argument("--count-file", type=Path)
    parser.add_argument("--context-window", type=int, default=32_768, metavar="TOKENS")
    try:
        asyncio.run(_serve(parser.parse_args(arguments)))
    except KeyboardInterrupt:
        return


if __name__ == "__main__":
    main()
