"""Named attacks of ten families: each is shown to work on a naive runner, and to fail in a box of either profile."""

import platform
import random
import re
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import anyio
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
CASES = [
    (name, profile)
    for name, attack in ATTACKS.items()
    for profile in attack.get("profiles", ("strict", "subprocess"))
]
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


@pytest.mark.parametrize(("name", "profile"), CASES)
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


@pytest.mark.slow
async def test_all_attacks_at_the_same_time_break_no_box(surroundings, sandbox):
    """Shuffled, eight at a time, honest programs in between: no box fails, none leaks, every honest one is right."""
    waiting = CASES * 2
    random.Random(4711).shuffle(waiting)

    async def attack_on() -> None:
        while waiting:
            name, profile = waiting.pop()
            limits = Limits(**{**LIMITS, **ATTACKS[name].get("limits", {}), "wall_seconds": 1.5})
            program = Program(surroundings.fill(ATTACKS[name]["source"]), profile=profile, collect=["*"])
            with anyio.fail_after(40):
                boxed = await sandbox.run(program, limits=limits)
                honest = await sandbox.run(Program("print(6 * 7)", profile=profile), limits=Limits())
            assert b"BREACH" not in boxed.stdout, (name, boxed)
            assert honest.stdout == b"42\n", (name, honest)

    async with anyio.create_task_group() as group:
        for _ in range(8):
            group.start_soon(attack_on)
    assert surroundings.unharmed()
