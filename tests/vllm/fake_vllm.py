"""A program that is started as vLLM is and answers its routes, without a model: `fake_vllm.py serve MODEL --port N`.

It does what the files in the folder FAKE_VLLM_DIR say, and writes a line for each start into `starts.jsonl`.
A prompt that holds "die once" or "die always" ends the process before the answer.
"""

import json
import os
import signal
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from judge_agent.models.fake_answers import answer_to

FOLDER = Path(os.environ["FAKE_VLLM_DIR"])
ARGUMENTS = sys.argv[1:]


def option(name: str) -> str:
    return ARGUMENTS[ARGUMENTS.index(name) + 1]


def told(name: str) -> bool:
    return (FOLDER / name).exists()


def taken(name: str) -> bool:
    """Whether a file of one use is there; it is not afterwards."""
    try:
        (FOLDER / name).unlink()
    except FileNotFoundError:
        return False
    return True


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        if self.path == "/health":
            return self._send(503 if told("sick") else 200, {})
        if not self._has_key():
            return self._send(401, {"error": "Unauthorized"})
        entry = {"id": option("--served-model-name"), "root": ARGUMENTS[1], "max_model_len": 4096}
        return self._send(200, {"object": "list", "data": [entry]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if not self._has_key():
            return self._send(401, {"error": "Unauthorized"})
        text = json.dumps(body)
        if "die always" in text or ("die once" in text and not told("died")):
            (FOLDER / "died").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return self._send(200, answer_to(body, option("--served-model-name")))

    def _has_key(self) -> bool:
        return self.headers["Authorization"] == f"Bearer {os.environ['VLLM_API_KEY']}"

    def _send(self, status: int, body: object) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def main() -> int:
    print(f"starting {ARGUMENTS[1]}", file=sys.stderr, flush=True)
    if told("broken") or taken("broken once"):
        print("CUDA out of memory", file=sys.stderr)
        return 7
    if told("slow"):
        time.sleep(60)
    child = subprocess.Popen(["sleep", "600"])
    with (FOLDER / "starts.jsonl").open("a", encoding="utf-8") as file:
        facts = {"argv": ARGUMENTS, "environment": dict(os.environ), "pid": os.getpid(), "child": child.pid}
        file.write(json.dumps(facts) + "\n")
    if told("deaf"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    ThreadingHTTPServer((option("--host"), int(option("--port"))), Handler).serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
