"""Pairs: a first program plants something, a second one looks for it. A worker that runs both finds it, a box never."""

import tomllib
from pathlib import Path

import pytest

from judge_agent.seams.sandbox import Limits, Program

pytestmark = pytest.mark.anyio
STATE = Path(__file__).parent / "state"
PAIRS = {
    f"{family}.{name}": (pair["plant"], pair["look"] + "\nprint('BREACH' if found else 'clean')")
    for file in ("interpreter", "process")
    for family, named in tomllib.loads((STATE / f"{file}.toml").read_text()).items()
    for name, pair in named.items()
}
LIMITS = Limits(wall_seconds=6, cpu_seconds=5)


@pytest.fixture(scope="module")
def found(naive):
    """What a worker that runs both finds, for all pairs."""
    return naive.run_all(PAIRS, way="worker")


@pytest.mark.parametrize("name", PAIRS)
async def test_what_a_program_leaves_is_found_by_a_worker_and_never_in_a_box(
    name, surroundings, found, sandbox
):
    plant, look = map(surroundings.fill, PAIRS[name])
    for planting, looking in (("strict", "strict"), ("subprocess", "subprocess"), ("subprocess", "strict")):
        await sandbox.run(Program(plant, profile=planting), limits=LIMITS)
        seen = await sandbox.run(Program(look, profile=looking), limits=LIMITS)
        assert (seen.status, seen.stdout) == ("ok", b"clean\n"), (planting, looking, seen)
    assert surroundings.unharmed()

    if not found[name].breached:
        pytest.skip(f"this machine forgets {name} without a box: {found[name].stdout}")


@pytest.mark.parametrize("profile", ["strict", "subprocess"])
async def test_every_program_finds_the_same_world(profile, sandbox):
    """What is not planted by name: descriptors, modules, limits and the rest of it, before and after a wild program."""
    look = (STATE / "world.py").read_text()
    wild = (STATE / "wild.py").read_text()
    before = await sandbox.run(Program(look, profile=profile, seed=5), limits=LIMITS)
    for _ in range(3):
        await sandbox.run(Program(wild, profile=profile), limits=LIMITS)
    after = await sandbox.run(Program(look, profile=profile, seed=5), limits=LIMITS)
    assert before.status == "ok", before
    assert before.stdout == after.stdout
