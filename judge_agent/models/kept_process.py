"""One run of a server program: started under a keeper, its output in a file, stopped with all that it started."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

_KEEPER = Path(__file__).with_name("process_keeper.py")
_SLACK_SECONDS = 5.0
_TAIL_BYTES = 16_000
MAX_LOG_BYTES = 20_000_000


class KeptProcess:
    """A running command. `started` makes one; `stop` or the end of this process ends it with its children."""

    def __init__(
        self, process: asyncio.subprocess.Process, log_file: Path, log_start: int, grace_seconds: float
    ) -> None:
        self._process, self._log_file, self._log_start = process, log_file, log_start
        self._grace_seconds = grace_seconds

    @classmethod
    async def started(
        cls,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        log_file: Path,
        grace_seconds: float = 10.0,
    ) -> KeptProcess:
        """Start `command`; what it prints is appended to `log_file` (mode 0600). Raises OSError."""
        log_start = _rotated(log_file)
        sink = os.open(log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", str(_KEEPER), str(grace_seconds), *command),
                stdin=asyncio.subprocess.PIPE,
                stdout=sink,
                stderr=sink,
                env=dict(environment),
                start_new_session=True,
            )
        finally:
            os.close(sink)
        return cls(process, log_file, log_start, grace_seconds)

    @property
    def pid(self) -> int:
        """The keeper's process id; the command is its child."""
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """The command's exit code, 128 + signal where one killed it; None while it runs."""
        code = self._process.returncode
        return code if code is None or code >= 0 else 128 - code

    async def wait(self) -> int:
        """Wait for the command's end; returns its code."""
        await self._process.wait()
        return self.returncode or 0

    async def stop(self) -> None:
        """End the command and its children; returns when they are gone. Doing it again does nothing."""
        if self._process.returncode is not None:
            return
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            async with asyncio.timeout(self._grace_seconds + _SLACK_SECONDS):
                await self._process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()

    def last_lines(self, count: int = 20) -> str:
        """The end of what this run printed."""
        try:
            with self._log_file.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(self._log_start, size - _TAIL_BYTES))
                lines = file.read(_TAIL_BYTES).decode("utf-8", "replace").splitlines()
        except OSError as error:
            return f"(its log cannot be read: {error})"
        return "\n".join(line for line in lines if line.strip()) and "\n".join(lines[-count:])


def _rotated(log_file: Path) -> int:
    """Put a large log aside (one is kept); returns where the next run's output begins."""
    log_file.parent.mkdir(parents=True, exist_ok=True)
    try:
        size = log_file.stat().st_size
    except FileNotFoundError:
        return 0
    if size <= MAX_LOG_BYTES:
        return size
    log_file.replace(log_file.with_name(log_file.name + ".1"))
    return 0
