"""A loopback server that answers as told: what a judge service may do to a trainer, good and bad."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Body = Mapping[str, Any]


@dataclass(frozen=True)
class Reply:
    """A status and a body; `hold` is waited for before it is sent."""

    status: int = 200
    body: str = "{}"
    retry_after: str | None = None
    hold: threading.Event | None = None


@dataclass
class Answering:
    """The running server: where it is, and what it was asked."""

    url: str = ""
    bodies: list[Body] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def candidates(self) -> int:
        return sum(len(body["candidates"]) for body in self.bodies)


def judgment(body: Body, of: Callable[[str], Mapping[str, Any]] | None = None) -> Reply:
    """Judge by a function of each candidate's text; without one, by its length (ten characters are 1.0)."""
    results = [
        {"id": one["id"], **(of or by_length)(text_of(one["trajectory"]))} for one in body["candidates"]
    ]
    usage = {"prompt_tokens": 30, "completion_tokens": 10}
    found = {"id": "jdg_1", "state": "done", "created": 1.0, "candidates": results, "usage": usage}
    return Reply(body=json.dumps(found))


def by_length(text: str) -> Mapping[str, Any]:
    return scored(min(1.0, len(text) / 10))


def scored(score: float, **vector: float | None) -> dict[str, Any]:
    given = vector or {"correctness": score, "process": score / 2}
    return {
        "status": "scored",
        "score": score,
        "reward": score,
        "passed": score >= 0.5,
        "vector": given,
    }


def unscored(kind: str = "model_timeout", status: str = "unscored", **vector: float | None) -> dict[str, Any]:
    given = vector or {"correctness": None, "process": None}
    return {"status": status, "failure_kind": kind, "failure_reason": "the model hung", "vector": given}


def text_of(trajectory: Mapping[str, Any]) -> str:
    if "text" in trajectory:
        return str(trajectory["text"])
    return "".join(str(message.get("content") or "") for message in trajectory["messages"])


@contextmanager
def answering(
    answer: Callable[[Body], Reply] | Sequence[Callable[[Body], Reply]] = judgment,
    to_get: Reply = Reply(501),
) -> Iterator[Answering]:
    """Answer every POST by the function; of several, each in turn and the last one for the rest."""
    answers = [answer] if callable(answer) else list(answer)
    found = Answering()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with found.lock:
                found.bodies.append(body)
                found.keys.append(self.headers["Authorization"])
                chosen = answers.pop(0) if len(answers) > 1 else answers[0]
            self._send(chosen(body))

        def do_GET(self) -> None:
            self._send(to_get)

        def _send(self, reply: Reply) -> None:
            if reply.hold is not None:
                reply.hold.wait(10)
            sent = reply.body.encode()
            try:
                self.send_response(reply.status)
                if reply.retry_after is not None:
                    self.send_header("Retry-After", reply.retry_after)
                self.send_header("Content-Length", str(len(sent)))
                self.end_headers()
                self.wfile.write(sent)
            except ConnectionError:
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

    with Server(("127.0.0.1", 0), Handler) as server:
        found.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield found
        finally:
            server.shutdown()
            thread.join()
