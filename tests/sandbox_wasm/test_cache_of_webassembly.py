"""The compiled module and the work folders: whose they are, what is believed of them, and who tidies up."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from judge_agent.errors import SandboxError
from judge_agent.seams.sandbox import Limits, Program
from sandboxes.wasm import WasmSandbox, find_wasm_interpreter

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).parents[2]
SERVICE = """
import asyncio, sys
from pathlib import Path
from judge_agent.seams.sandbox import Limits, Program
from sandboxes.wasm import WasmSandbox

async def main():
    source = "open('left', 'w').write('x')\\ndef main(channel):\\n    channel.send(b'up')\\n    while True: pass"
    async with WasmSandbox(Path(sys.argv[1])).open(Program(source), limits=Limits(wall_seconds=100)) as box:
        print(await box.receive(timeout_seconds=60), flush=True)
        await asyncio.sleep(100)

asyncio.run(main())
"""


@pytest.fixture
async def cache(wasm: WasmSandbox, wasm_cache: Path, tmp_path: Path) -> Path:
    """A cache of its own with the module in it, so that nothing is compiled again."""
    await wasm.run(Program("print(1)"), limits=Limits())
    (tmp_path / "wasm").mkdir(mode=0o700)
    for compiled in (wasm_cache / "wasm").glob("*.cwasm"):
        shutil.copy(compiled, tmp_path / "wasm")
    return tmp_path


async def answered(cache: Path) -> bytes:
    sandbox = WasmSandbox(cache)
    try:
        return (await sandbox.run(Program("print(42)"), limits=Limits())).stdout
    finally:
        await sandbox.aclose()


def module(cache: Path) -> Path:
    (found,) = (cache / "wasm").glob(f"*{find_wasm_interpreter().digest}.cwasm")
    return found


async def test_a_closed_sandbox_leaves_the_module_and_nothing_else(cache):
    assert await answered(cache) == b"42\n"
    assert list((cache / "wasm" / "boxes").iterdir()) == []
    assert module(cache).stat().st_mode & 0o777 == 0o600


async def test_a_sandbox_that_was_closed_can_be_used_again(cache):
    sandbox = WasmSandbox(cache)
    for _ in range(2):
        assert (await sandbox.run(Program("print(42)"), limits=Limits())).stdout == b"42\n"
        await sandbox.aclose()
        await sandbox.aclose()


@pytest.mark.parametrize("damage", [b"", b"\0" * 4096])
async def test_a_module_that_is_damaged_is_compiled_again(damage, cache):
    place = module(cache)
    content = place.read_bytes()
    place.write_bytes(content[:1_000_000] + damage + content[1_000_000 + len(damage) : -1])
    assert await answered(cache) == b"42\n"
    assert place.stat().st_size == len(content)


@pytest.mark.parametrize(("place", "mode"), [("module", 0o620), ("module", 0o602), ("folder", 0o777)])
async def test_a_module_that_others_can_write_is_never_run(place, mode, cache):
    (module(cache) if place == "module" else cache / "wasm").chmod(mode)
    with pytest.raises(SandboxError, match=r"somebody else|only this user"):
        await answered(cache)


async def test_a_link_is_no_module(cache):
    place = module(cache)
    place.rename(cache / "elsewhere")
    place.symlink_to(cache / "elsewhere")
    with pytest.raises(SandboxError, match="cannot be used"):
        await answered(cache)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
async def test_a_module_of_another_user_is_never_run(cache):
    os.chown(module(cache), 12345, 12345)
    with pytest.raises(SandboxError, match="somebody else"):
        await answered(cache)


async def test_another_wheel_is_not_compiled(tmp_path):
    found = find_wasm_interpreter()
    if found is None:
        pytest.skip("no WebAssembly of Python is installed")
    other = tmp_path / "python.wasm"
    other.write_bytes(b"\0asm\1\0\0\0")
    sandbox = WasmSandbox(tmp_path, type(found)(other, found.site, found.engine_version))
    with pytest.raises(SandboxError, match="sha256"):
        await sandbox.run(Program("print(1)"), limits=Limits())
    assert list((tmp_path / "wasm").glob("*.cwasm*")) == []


async def test_two_services_share_a_cache(cache):
    one, other = WasmSandbox(cache), WasmSandbox(cache)
    await one.run(Program("print(1)"), limits=Limits())
    await other.run(Program("print(1)"), limits=Limits())
    assert len(list((cache / "wasm" / "boxes").iterdir())) == 2
    await other.aclose()
    assert (await one.run(Program("print(42)"), limits=Limits())).stdout == b"42\n"
    await one.aclose()


async def test_a_killed_service_leaves_no_process_and_its_folder_to_the_next(cache):
    process = await asyncio.create_subprocess_exec(
        *[sys.executable, "-c", SERVICE, str(cache)],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"b'up'\n"
    (child,) = _children(process.pid)
    process.send_signal(signal.SIGKILL)
    await process.communicate()
    assert await asyncio.to_thread(_gone, child)
    assert len(list((cache / "wasm" / "boxes").iterdir())) == 1
    assert await answered(cache) == b"42\n"
    assert list((cache / "wasm" / "boxes").iterdir()) == []


def _children(parent: int) -> list[int]:
    found = []
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = place.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(words[1]) == parent:
            found.append(int(place.parent.name))
    return found


def _gone(pid: int) -> bool:
    limit = time.monotonic() + 10
    while time.monotonic() < limit:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False
