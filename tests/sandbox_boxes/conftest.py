"""Boxes for the tests, and a naive runner: what many graders do, a child process or a worker with a time limit."""

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SYSCALLS = (HERE / "attacks" / "syscalls.py").read_text()


@dataclass(frozen=True)
class Ran:
    """What a naive runner saw: `grader` is what became of it, `verdict` what it believes.

    `outlived` counts the processes that were left when it had answered.
    """

    stdout: str
    stderr: str
    timed_out: bool
    verdict: str
    grader: str
    outlived: int

    @property
    def breached(self) -> bool:
        return "BREACH" in self.stdout or self.grader in ("killed", "stopped")


@dataclass(frozen=True)
class Surroundings:
    """What an attacker could reach from a naive runner. All of it belongs to the test."""

    secret_file: Path
    scratch: Path
    port: int
    victim: int

    def fill(self, source: str) -> str:
        """Put the host's things into a source, and syscalls.py before one that makes raw calls."""
        words = {
            "SECRET_FILE": self.secret_file,
            "SCRATCH": self.scratch,
            "PORT": self.port,
            "VICTIM": self.victim,
        }
        for word, value in words.items():
            source = source.replace(f"@{word}@", str(value))
        return SYSCALLS + source if "call(" in source or "reached(" in source else source

    def unharmed(self) -> bool:
        """Whether the victim lives, the secret is what it was, and nothing lies where a box must not write."""
        state = Path(f"/proc/{self.victim}/stat").read_text().rpartition(")")[2].split()[0]
        secret = self.secret_file.read_text()
        return state in "SR" and secret == "host-secret-4711" and not list(self.scratch.iterdir())


@pytest.fixture(scope="session")
def greeting_port() -> Iterator[int]:
    """A service of the host that greets whoever connects."""
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
    yield server.getsockname()[1]
    stop.set()
    thread.join()
    server.close()


@pytest.fixture(scope="session")
def surroundings(tmp_path_factory: pytest.TempPathFactory, greeting_port: int) -> Iterator[Surroundings]:
    place = tmp_path_factory.mktemp("host")
    secret = place / "secret.txt"
    secret.write_text("host-secret-4711")
    scratch = place / "scratch"
    scratch.mkdir()
    with subprocess.Popen(["sleep", "600"], env={"VICTIM_SECRET": "4711", "PATH": os.defpath}) as victim:
        yield Surroundings(secret, scratch, greeting_port, victim.pid)
        victim.kill()


@dataclass(frozen=True)
class NaiveRunner:
    """Runs Python the careless way, in a pid namespace that is thrown away with all that is left in it."""

    command: tuple[str, ...]
    inside: Surroundings

    def run(self, *sources: str, way: str = "alone", seconds: float = 4.0) -> Ran:
        """Run one case; what becomes of the grader counts."""
        return self._ask([sources], way, seconds)[0]

    def run_all(
        self, cases: Mapping[str, Sequence[str]], way: str = "alone", seconds: float = 10.0
    ) -> dict[str, Ran]:
        """Run many cases in one namespace: none of them may end the grader."""
        ran = self._ask(list(cases.values()), way, seconds)
        assert all(one.grader == "alive" for one in ran), f"a case of {list(cases)} ended the naive grader"
        return dict(zip(cases, ran, strict=True))

    def _ask(self, cases: Sequence[Sequence[str]], way: str, seconds: float) -> list[Ran]:
        filled = [[self.inside.fill(source) for source in sources] for sources in cases]
        done = subprocess.run(
            self.command,
            input=json.dumps({"way": way, "seconds": seconds, "cases": filled}).encode(),
            capture_output=True,
            cwd=self.inside.scratch,
            env={**os.environ, "VICTIM_SECRET": "4711", "SERVICE_API_KEY": "sk-host-secret"},
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()[-2000:]
        return [Ran(**one) for one in json.loads(done.stdout)]


@pytest.fixture(scope="session")
def naive(surroundings: Surroundings, tmp_path_factory: pytest.TempPathFactory) -> NaiveRunner:
    unshare = shutil.which("unshare")
    if unshare is None:
        pytest.skip("no unshare (util-linux) to make the naive runner's throwaway namespace")
    namespaces = ["--pid", "--fork", "--kill-child", "--mount", "--mount-proc", "--uts", "--ipc"]
    if os.geteuid() != 0:
        namespaces += ["--user", "--map-root-user"]
    grader = str(HERE / "careless" / "grader.py")
    scratch = tmp_path_factory.mktemp("scratch")  # under a mount of its own in each run
    inside = replace(surroundings, victim=2, scratch=scratch)  # the grader is its namespace's pid 2
    return NaiveRunner((unshare, *namespaces, sys.executable, "-P", grader), inside)
