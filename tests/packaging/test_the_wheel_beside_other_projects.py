"""The wheel holds the library alone, and works in a folder whose owner uses our folder names for their own."""

from __future__ import annotations

import http.server
import json
import os
import subprocess
import sys
import sysconfig
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
JUDGMENT = {
    "id": "jdg_1",
    "object": "judgment",
    "state": "done",
    "created": 1.0,
    "candidates": [{"id": "a", "status": "scored", "score": 1.0, "reward": 1.0, "passed": True}],
}
FOREIGN = ("tools", "evals", "prompts", "sandboxes")
USE_THE_CLIENT = """
import asyncio, sys
import api, evals, prompts, sandboxes, tools
import tools.hammer
from judge_agent import AsyncJudgeClient, JudgeClient
assert api.OWNER == "somebody else", api.__file__
assert tools.hammer.OWNER == "somebody else", tools.hammer.__file__
request = {"task": {"prompt": "p"}, "candidates": [{"id": "a", "trajectory": {"text": "4"}}]}
with JudgeClient(sys.argv[1]) as client:
    assert client.judge(request).candidates[0].reward == 1.0
async def twin():
    async with AsyncJudgeClient(sys.argv[1]) as client:
        return (await client.judge(request)).candidates[0].reward
assert asyncio.run(twin()) == 1.0
assert not {"api.settings", "tools.check_tool_calls"} & set(sys.modules)
print("used")
"""
LOADED = "import judge_agent, sys; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
HEAVY = {
    "torch", "transformers", "xgrammar", "gguf", "langgraph", "langchain_core", "openai", "fastapi", "starlette",
    "uvicorn", "duckdb", "numpy", "sqlglot", "jsonschema", "re2", "aiohttp", "aiosqlite", "pytest",
}  # fmt: skip


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    built = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert built.returncode == 0, built.stdout[-2000:] + built.stderr[-2000:]
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("site")
    command = [
        sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--disable-pip-version-check",
        "--quiet", "--target", str(target), str(wheel),
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    return target


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    """A loopback server that answers every post with one finished judgment."""

    class Answers(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            body = json.dumps(JUDGMENT).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Keep the test's output clean."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_wheel_holds_the_library_and_its_prompts_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"judge_agent"}
    held = {
        name.removeprefix("judge_agent/prompts/") for name in names if name.startswith("judge_agent/prompts/")
    }
    shipped = {
        path.relative_to(ROOT / "prompts").as_posix()
        for path in (ROOT / "prompts").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert held == shipped
    assert held, "no prompt is in the wheel"
    assert not [name for name in names if name.endswith((".pyc", ".jsonl", ".db"))]


@pytest.mark.parametrize("kind", ["packages", "plain folders"])
def test_the_client_works_beside_a_project_that_owns_our_folder_names(
    installed: Path, service: str, tmp_path: Path, kind: str
) -> None:
    for name in FOREIGN:
        (tmp_path / name).mkdir()
        if kind == "packages":
            (tmp_path / name / "__init__.py").write_text("")
    (tmp_path / "tools" / "hammer.py").write_text("OWNER = 'somebody else'\n")
    (tmp_path / "api.py").write_text("OWNER = 'somebody else'\n")
    used = _python(installed, tmp_path, USE_THE_CLIENT, service)
    assert used.stdout.strip() == "used", used.stderr


def test_importing_the_library_loads_no_heavy_package(installed: Path, tmp_path: Path) -> None:
    loaded = set(_python(installed, tmp_path, LOADED).stdout.split())
    assert "judge_agent" in loaded
    assert not loaded & HEAVY
    with_client = LOADED.replace("import judge_agent", "from judge_agent import JudgeClient")
    assert not set(_python(installed, tmp_path, with_client).stdout.split()) & HEAVY


def test_a_verb_that_needs_the_checkout_says_so(installed: Path, tmp_path: Path) -> None:
    served = _python(
        installed, tmp_path, "import sys; from judge_agent.cli import main; sys.exit(main(['serve']))"
    )
    assert served.returncode == 3
    assert "checkout" in served.stderr


def _python(installed: Path, folder: Path, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a program as the folder's owner would.

    `-S` leaves the development install of this checkout out; the dependencies come by their path.
    """
    paths = [str(folder), str(installed), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(paths), "HOME": str(folder)}
    command = [sys.executable, "-S", "-W", "error", "-c", program, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=folder, env=environment)
