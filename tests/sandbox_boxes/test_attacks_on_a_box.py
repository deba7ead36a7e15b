"""Named attacks of ten families: each is shown to work on a naive runner, and to fail in a box of either profile."""

import platform
import re
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from judge_agent.seams.sandbox import Limits, Program

pytestmark = pytest.mark.anyio
FILES = ("files_and_secrets", "network", "parent", "kernel", "bombs", "children")
ATTACKS = {
    f"{family}.{name}": attack
    for file in FILES
    for family, named in tomllib.loads(
        Path(__file__).parent.joinpath("attacks", f"{file}.toml").read_text()
    ).items()
    for name, attack in named.items()
    if attack.get("machine", platform.machine()) == platform.machine()
}
LIMITS = {"wall_seconds": 6, "cpu_seconds": 5, "memory_bytes": 2**30}
CLUMSY = re.compile(
    rb"(SyntaxError|NameError|ImportError|AttributeError|TypeError|KeyError|IndexError):[^\n]*$"
)


@pytest.fixture(scope="module")
def careless(naive):
    """What each attack did to the naive runner. Those that could end it run one by one."""
    together = {name: [attack["source"]] for name, attack in ATTACKS.items() if not attack.get("alone")}
    ran = naive.run_all(together)
    apart = [name for name in ATTACKS if name not in together]
    with ThreadPoolExecutor(2) as pool:
        ran |= zip(apart, pool.map(lambda name: naive.run(ATTACKS[name]["source"]), apart), strict=True)
    return ran


@pytest.mark.parametrize(
    ("name", "profile"),
    [
        (name, profile)
        for name, attack in ATTACKS.items()
        for profile in attack.get("profiles", ("strict", "subprocess"))
    ],
)
async def test_an_attack_works_on_a_naive_runner_and_fails_in_a_box(
    name, profile, surroundings, careless, sandbox
):
    attack = ATTACKS[name]
    program = Program(surroundings.fill(attack["source"]), profile=profile)
    boxed = await sandbox.run(program, limits=Limits(**{**LIMITS, **attack.get("limits", {})}))
    assert b"BREACH" not in boxed.stdout, boxed
    assert not CLUMSY.search(boxed.stderr.rstrip()), boxed.stderr.decode()
    assert surroundings.unharmed()

    after = await sandbox.run(Program("print(6 * 7)", profile=profile), limits=Limits(wall_seconds=6))
    assert (after.status, after.stdout) == ("ok", b"42\n")

    if not careless[name].breached:
        pytest.skip(f"this machine stops {name} without a box: {careless[name].stderr[-200:]}")
