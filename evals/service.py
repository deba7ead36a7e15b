"""Starts `judge-agent serve` as a user would, on a free port, and stops it again."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import httpx

from judge_agent.cli import USAGE_ERROR

START_SECONDS = 300.0
STOP_SECONDS = 30.0
_PR_SET_PDEATHSIG = 1


class ServiceNotStarted(RuntimeError):
    """The service that an evaluation was to ask did not come up; the message is one line that says why."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def start(
    data_dir: Path,
    *,
    port: int,
    model: str,
    output: Path,
    settings: Mapping[str, str],
    ends_with_its_owner: bool = False,
) -> subprocess.Popen[bytes]:
    """Start the service; its output goes to a file. It is not yet ready when this returns.

    With `ends_with_its_owner` it is asked to end when the thread that started it is gone, also by SIGKILL (Linux).
    """
    command = [
        sys.executable,
        "-m",
        "judge_agent.cli",
        "serve",
        "--port",
        str(port),
        "--data-dir",
        str(data_dir),
    ]
    output.parent.mkdir(parents=True, exist_ok=True)
    with output.open("ab") as sink:
        environment = {**os.environ, **settings}
        return subprocess.Popen(
            [*command, "--model", model],
            stdout=sink,
            stderr=sink,
            env=environment,
            preexec_fn=_end_with_the_owner if ends_with_its_owner else None,
        )


def _end_with_the_owner() -> None:
    """A run that is killed must not leave a service, with its model in memory, behind."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def wait_until_ready(process: subprocess.Popen[bytes], url: str, output: Path) -> None:
    """Wait for `/health/ready`. Raises ServiceNotStarted when the service dies first, or takes too long."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise ServiceNotStarted(_why(process.returncode, output))
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(f"{url}/health/ready", timeout=20).status_code == httpx.codes.OK:
                return
        time.sleep(0.1)
    raise ServiceNotStarted(f"the service was not ready after {START_SECONDS:.0f} s; see {output}")


def _why(code: int, output: Path) -> str:
    """The last line that it said: all of the reason where its arguments were wrong, else what points to the rest."""
    lines = output.read_text("utf-8", "replace").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")
    if code == USAGE_ERROR:
        return last.removeprefix("judge-agent serve: ")
    return f"the service ended with code {code}: {last}; see {output}"


def stop(process: subprocess.Popen[bytes]) -> None:
    """Ask the service to end, and end it when it does not."""
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Started(NamedTuple):
    """A service that is ready: its process, its URL and the folder of its data."""

    process: subprocess.Popen[bytes]
    url: str
    folder: Path


@contextlib.contextmanager
def running(
    data_dir: Path, *, model: str = "embedded", settings: Mapping[str, str] | None = None
) -> Iterator[str]:
    """A running service; gives its URL. Raises ServiceNotStarted with the reason in one line."""
    with started(data_dir, model=model, settings=settings) as service:
        yield service.url


@contextlib.contextmanager
def started(
    data_dir: Path, *, model: str = "embedded", settings: Mapping[str, str] | None = None
) -> Iterator[Started]:
    """A running service with its process. Raises ServiceNotStarted with the reason in one line."""
    port, output = free_port(), data_dir / "service.out"
    try:
        process = start(
            data_dir,
            port=port,
            model=model,
            output=output,
            settings=settings or {},
            ends_with_its_owner=True,
        )
    except OSError as error:
        raise ServiceNotStarted(f"no service can be started in {data_dir}: {error}") from error
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until_ready(process, url, output)
        yield Started(process, url, data_dir)
    finally:
        stop(process)
