"""Tests the adapters against the real trainers: `python .ci/trainers.py [NAME ...]`, all of them without a name.

Each row of trainers.toml gets a virtual environment under .venvs/ that holds the trainer and the wheel of this
project, and nothing of the checkout. A judge service without a model is started once for all of them. Says one line
per test, one for each trainer that cannot be installed, and at the end a table of what was tested of each trainer and
what was not, with the counts. Exits with 1 when a test failed, 2 when the service or the wheel could not be made.
TORCH_INDEX names an index with a CPU build of torch, where the usual one brings CUDA.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENVS = ROOT / ".venvs"
START_SECONDS = 60
TEST_SECONDS = 1200
INSTALL_SECONDS = 1800
# anyio runs the coroutines of tests; its pytest plugin comes with httpx.
TEST_PACKAGES = ("pytest>=8.3", "anyio>=4")
# What a second row of a trainer has behind its name.
_VERSION = re.compile(r"(_\d+)+$")
# Nothing is fetched while tests run; what they need they make.
OFFLINE = {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
CONFIG = """
[pytest]
addopts = --import-mode=importlib --strict-markers -ra --disable-warnings
    -p tests.trainers.judge_service -p no:cacheprovider
pythonpath = .
markers = trainers: needs the real trainer
filterwarnings = error:::judge_agent
"""


@dataclass(frozen=True)
class Trainer:
    """One row of the table."""

    name: str
    tests: str = ""
    python: str = "3.11"
    packages: Sequence[str] = ()
    no_deps: Sequence[str] = ()
    pip: Sequence[str] = ()
    absent: str = ""
    untested: str = ""

    @property
    def folder(self) -> Path:
        return VENVS / self.name

    @property
    def release(self) -> str:
        """The pinned package that gives the row its name."""
        named = _VERSION.sub("", self.name).replace("_", "-")
        pins = [pin for pin in (*self.packages, *self.no_deps) if pin.startswith(named) and "==" in pin]
        return pins[0] if pins else named

    @property
    def interpreter(self) -> Path:
        return self.folder / "bin" / "python"


@dataclass
class Counts:
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    not_installed: int = 0
    rows: list[str] = field(default_factory=list)

    def leave_out(self, trainer: Trainer, reason: object) -> None:
        """Count a trainer that is not there, and say why."""
        self.not_installed += 1
        print(f"NOT INSTALLED {trainer.name}: {reason}", flush=True)
        self.rows.append(f"  {trainer.name:<16}NOT TESTED: {reason}")

    def add(self, trainer: Trainer, status: int | None, found: Mapping[str, int]) -> None:
        """Count what pytest tells; an end that it tells nothing of is a failed test, too."""
        failed = found.get("failed", 0) + found.get("error", 0)
        if status != 0 and not failed:
            why = f"took longer than {TEST_SECONDS} s" if status is None else f"ended with {status}"
            print(f"FAILED {trainer.name}: pytest {why}", flush=True)
            failed = 1
        passed, skipped = found.get("passed", 0), found.get("skipped", 0)
        self.failed += failed
        self.passed += passed
        self.skipped += skipped
        beside = f"; NOT TESTED: {trainer.untested}" if trainer.untested else ""
        told = f"{passed} passed, {failed} failed, {skipped} skipped"
        self.rows.append(f"  {trainer.name:<16}{trainer.release}: {told}{beside}")

    def __str__(self) -> str:
        return (
            f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped, "
            f"{self.not_installed} trainers not installed"
        )


class NotInstalled(Exception):
    """The environment could not be made; the message is one line."""


def main(names: list[str]) -> int:
    table = _table()
    unknown = [name for name in names if name not in table]
    if unknown:
        print(f"no trainer {unknown[0]!r}; there are {', '.join(table)}", file=sys.stderr)
        return 2
    counts = Counts()
    with tempfile.TemporaryDirectory(prefix="judge-trainers-") as folder:
        try:
            wheel = _wheel(Path(folder))
            with _service(Path(folder)) as url:
                for name in names or table:
                    _test(table[name], wheel, url, Path(folder), counts)
        except (OSError, subprocess.SubprocessError, RuntimeError) as error:
            print(f"trainers were not tested: {error}", file=sys.stderr)
            return 2
    print("\n".join(("what was tested against the real trainers:", *counts.rows)))
    print(f"trainers: {counts}", flush=True)
    return 1 if counts.failed else 0


def _table() -> dict[str, Trainer]:
    rows = tomllib.loads(Path(__file__).with_name("trainers.toml").read_text("utf-8"))
    return {name: Trainer(name, **row) for name, row in rows.items()}


def _test(trainer: Trainer, wheel: Path, url: str, folder: Path, counts: Counts) -> None:
    """Install one trainer and run its tests; adds to the counts."""
    print(f"== {trainer.name}", flush=True)
    try:
        _install(trainer, wheel)
    except NotInstalled as reason:
        counts.leave_out(trainer, reason)
        return
    stage, report = _stage(trainer, folder), folder / f"{trainer.name}.json"
    command = [str(trainer.interpreter), "-P", "-m", "pytest", "-v", "-m", "trainers"]
    environment = _environment() | OFFLINE | {"JUDGE_URL": url, "TRAINERS_REPORT": str(report)}
    status: int | None = None
    with contextlib.suppress(subprocess.TimeoutExpired):
        running = [*command, f"tests/{trainer.tests}"]
        status = subprocess.run(running, cwd=stage, env=environment, timeout=TEST_SECONDS).returncode
    counts.add(trainer, status, json.loads(report.read_text("utf-8")) if report.is_file() else {})


def _stage(trainer: Trainer, folder: Path) -> Path:
    """A folder with the tests alone, so that what they import of this project is what the wheel holds."""
    stage = folder / trainer.name
    for name in {"trainers", trainer.tests}:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "tests" / name, stage / "tests" / name, ignore=ignored)
    # Some trainers install a package `tests` of their own (verl does), which would be found before a bare folder.
    (stage / "tests" / "__init__.py").touch()
    (stage / "pytest.ini").write_text(CONFIG, "utf-8")
    return stage


def _install(trainer: Trainer, wheel: Path) -> None:
    """Make the environment where it is not as the row says; the wheel is always put in anew."""
    if trainer.absent:
        raise NotInstalled(trainer.absent)
    row = json.dumps([trainer.python, *map(list, (trainer.packages, trainer.no_deps, trainer.pip))])
    stamp, wanted = trainer.folder / ".installed", hashlib.sha256(row.encode()).hexdigest()
    if not stamp.is_file() or stamp.read_text("utf-8") != wanted:
        _create(trainer)
        _pip(trainer, *trainer.packages, *TEST_PACKAGES)
        if trainer.no_deps:
            _pip(trainer, "--no-deps", *trainer.no_deps)
        _pip(trainer, str(wheel))
        stamp.write_text(wanted, "utf-8")
    _pip(trainer, "--no-deps", "--force-reinstall", str(wheel))


def _create(trainer: Trainer) -> None:
    is_whole = (
        trainer.folder / "bin" / "pip"
    ).exists()  # it comes last, and not where the making was interrupted
    if is_whole and trainer.interpreter.exists() and _version(trainer.interpreter) == trainer.python:
        return
    python = _python(trainer.python)
    if python is None:
        raise NotInstalled(f"it needs Python {trainer.python}, and there is none on PATH or under pyenv")
    print(f"installing {' '.join((*trainer.packages, *trainer.no_deps))} (some minutes)", flush=True)
    try:
        subprocess.run([str(python), "-m", "venv", "--clear", str(trainer.folder)], check=True)
    except subprocess.CalledProcessError as error:
        raise NotInstalled(f"its environment cannot be made: {error}") from error


def _pip(trainer: Trainer, *arguments: str) -> None:
    command = [str(trainer.interpreter), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    index = os.environ.get("TORCH_INDEX")
    command += ["--extra-index-url", index] if index else []
    try:
        done = subprocess.run(
            [*command, *trainer.pip, *arguments],
            capture_output=True,
            text=True,
            env=_environment(),
            timeout=INSTALL_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise NotInstalled(f"pip took longer than {INSTALL_SECONDS} s") from None
    if done.returncode != 0:
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        raise NotInstalled((errors or done.stderr.splitlines() or ["pip failed"])[0])


def _python(version: str) -> Path | None:
    """The first interpreter of that version: this one, on PATH, or under pyenv, whose shims may not be switched on."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    on_path = shutil.which(f"python{version}")
    found = [Path(sys.executable), *([Path(on_path)] if on_path else [])]
    found += sorted(pyenv.glob(f"{version}*/bin/python{version}"))
    return next((path for path in found if _version(path) == version), None)


def _version(python: Path) -> str:
    told = "import sys; print('%d.%d' % sys.version_info[:2])"
    done = subprocess.run([str(python), "-c", told], capture_output=True, text=True)
    return done.stdout.strip()


def _wheel(folder: Path) -> Path:
    """Build what the trainers' environments hold of this project."""
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder)]
    done = subprocess.run([*command, str(ROOT)], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"the wheel cannot be built: {done.stderr.strip().splitlines()[-1:]}")
    return next(folder.glob("*.whl"))


@contextlib.contextmanager
def _service(folder: Path) -> Iterator[str]:
    """A judge without a model, on a free port, with a data folder of its own. Yields its address."""
    log = folder / "service.log"
    command = [sys.executable, "-m", "judge_agent.cli", "serve", "--model", "none", "--port", "0"]
    with (
        log.open("w") as errors,
        subprocess.Popen(
            [*command, "--data-dir", str(folder / "data")],
            cwd=ROOT,
            env=_environment(),
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as running,
    ):
        watch = threading.Timer(START_SECONDS, running.kill)
        watch.start()
        try:
            url = _address(running, log)
            watch.cancel()
            yield url
        finally:
            watch.cancel()
            running.terminate()


def _address(running: subprocess.Popen[str], log: Path) -> str:
    for line in running.stdout or ():
        if line.startswith("judge-agent serves "):
            return line.split()[2]
    raise RuntimeError(f"the judge service did not start: {log.read_text('utf-8')[-2000:]}")


def _environment() -> dict[str, str]:
    """This environment without what would change the judge, or where packages are looked for."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("JUDGE_") and name not in ("PYTHONPATH", "VIRTUAL_ENV")
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
