"""The attacks on boxes of namespaces, tried on WebAssembly. That each works without a box is shown there."""

import os
import platform
import socket
import subprocess
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from judge_agent.seams.sandbox import Limits, Program

pytestmark = pytest.mark.anyio
FOLDER = Path(__file__).parents[1] / "sandbox_boxes" / "attacks"
BY_RAW_CALLS = (
    "call(",
    "reached(",
    "ctypes",
)  # there is no way to make one: no ctypes, and no kernel behind it
HARMLESS = {
    "host_files.change_the_mode_of_the_interpreter",  # WASI has no modes: to change one does nothing
    "secrets.read_the_name_of_the_host",  # it is "(none)", which names no host
}
ATTACKS = {
    f"{family}.{name}": attack
    for file in ("files_and_secrets", "network", "parent", "kernel", "bombs", "children")
    for family, named in tomllib.loads((FOLDER / f"{file}.toml").read_text()).items()
    for name, attack in named.items()
    if attack.get("machine", platform.machine()) == platform.machine()
    and f"{family}.{name}" not in HARMLESS
    and not any(word in attack["source"] for word in BY_RAW_CALLS)
}
QUICK = ("host_files", "files", "secrets", "bombs")
OWN = tomllib.loads(Path(__file__).with_name("wasm_attacks.toml").read_text())


@pytest.fixture(scope="module")
def host() -> Iterator[dict[str, str]]:
    """Things of the host that an attacker looks for, by their names in the sources."""
    with (
        tempfile.TemporaryDirectory() as name,
        socket.create_server(("127.0.0.1", 0)) as server,
        subprocess.Popen(["sleep", "600"], env={"VICTIM_SECRET": "4711", "PATH": os.defpath}) as victim,
    ):
        place = Path(name)
        (place / "secret.txt").write_text("host-secret-4711")
        (place / "scratch").mkdir()
        yield {
            "@SECRET_FILE@": str(place / "secret.txt"),
            "@SCRATCH@": str(place / "scratch"),
            "@PORT@": str(server.getsockname()[1]),
            "@VICTIM@": str(victim.pid),
        }
        assert victim.poll() is None
        victim.kill()
        assert (place / "secret.txt").read_text() == "host-secret-4711"
        assert list((place / "scratch").iterdir()) == []


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name.partition(".")[0] in QUICK else pytest.mark.slow)
        for name in ATTACKS
    ],
)
async def test_an_attack_on_a_box_fails_in_webassembly(name, host, wasm):
    attack = ATTACKS[name]
    source = attack["source"]
    for word, value in host.items():
        source = source.replace(word, value)
    limits = {"wall_seconds": 20, "cpu_seconds": 10, "memory_bytes": 2**30, **attack.get("limits", {})}
    result = await wasm.run(Program(source), limits=Limits(**limits))
    assert b"BREACH" not in result.stdout, result


@pytest.mark.parametrize("name", OWN)
async def test_an_attack_on_webassembly_fails(name, wasm):
    result = await wasm.run(Program(OWN[name]["source"]), limits=Limits())
    assert b"BREACH" not in result.stdout, result
