"""Boxes for the tests, and a naive runner: what many graders do, a plain subprocess with a time limit."""

import os
import resource
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Ran:
    stdout: str
    stderr: str
    timed_out: bool


@dataclass(frozen=True)
class Surroundings:
    """What an attacker could reach from a naive runner. All of it belongs to the test."""

    secret_file: Path
    scratch: Path
    port: int
    victim: int

    def fill(self, source: str) -> str:
        words = {
            "SECRET_FILE": self.secret_file,
            "SCRATCH": self.scratch,
            "PORT": self.port,
            "VICTIM": self.victim,
        }
        for word, value in words.items():
            source = source.replace(f"@{word}@", str(value))
        return source


@pytest.fixture
def surroundings(tmp_path: Path) -> Iterator[Surroundings]:
    secret = tmp_path / "secret.txt"
    secret.write_text("host-secret-4711")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    server = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()
    server.settimeout(0.05)

    def greet() -> None:
        while not stop.is_set():
            try:
                peer, _ = server.accept()
            except TimeoutError:
                continue
            peer.sendall(b"hello from the host")
            peer.close()

    thread = threading.Thread(target=greet)
    thread.start()
    with subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)"], env={"VICTIM_SECRET": "4711"}
    ) as victim:
        yield Surroundings(secret, scratch, server.getsockname()[1], victim.pid)
        victim.kill()
    stop.set()
    thread.join()
    server.close()


@pytest.fixture
def naive_run(surroundings: Surroundings):
    """Run Python the careless way. The limits here only keep the bombs of the tests small."""

    def run(source: str, timeout_seconds: float = 4.0) -> Ran:
        environment = {**os.environ, "SERVICE_API_KEY": "sk-host-secret"}
        with subprocess.Popen(
            [sys.executable, "-c", source],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=surroundings.scratch,
            env=environment,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (6 * 2**30, 6 * 2**30)),
        ) as process:
            timed_out = False
            try:
                stdout, stderr = process.communicate(timeout=timeout_seconds)
            except subprocess.TimeoutExpired:
                timed_out = True
                process.kill()
                stdout, stderr = process.communicate()
        return Ran(stdout.decode(errors="replace"), stderr.decode(errors="replace"), timed_out)

    return run
