"""Two programs that run at the same time: careless runners let them meet, boxes do not."""

import tomllib
from pathlib import Path

import anyio
import pytest

from judge_agent.seams.sandbox import Limits, Program

pytestmark = pytest.mark.anyio
PAIRS = {
    name: (pair["plant"], pair["look"] + "\nprint('BREACH' if found else 'clean')")
    for name, pair in tomllib.loads(Path(__file__).parent.joinpath("state", "together.toml").read_text())[
        "together"
    ].items()
}
LIMITS = Limits(wall_seconds=10, cpu_seconds=5)
PLANTER = """
def main(channel):
    try:
        exec({plant!r}, globals())
    except OSError:
        pass
    channel.send(b'planted')
    channel.send(channel.receive())
"""


@pytest.fixture(scope="module")
def met(naive):
    """What two careless programs see of each other; those that kill could end the naive runner, and run apart."""
    calm = {name: pair for name, pair in PAIRS.items() if not name.startswith(("killing", "lowering"))}
    apart = PAIRS.keys() - calm.keys()
    return naive.run_all(calm, "together") | {name: naive.run(*PAIRS[name], way="together") for name in apart}


@pytest.mark.parametrize("name", PAIRS)
async def test_two_careless_programs_meet_and_two_boxes_do_not(name, surroundings, met, sandbox):
    plant, look = map(surroundings.fill, PAIRS[name])
    for planting, looking in (("strict", "strict"), ("subprocess", "subprocess"), ("subprocess", "strict")):
        program = Program(PLANTER.format(plant=plant), profile=planting)
        async with sandbox.open(program, limits=LIMITS) as planter:
            assert await planter.receive(timeout_seconds=5) == b"planted"
            seen = await sandbox.run(Program(look, profile=looking), limits=LIMITS)
            await planter.send(b"still here")
            assert await planter.receive(timeout_seconds=5) == b"still here"
        assert b"BREACH" not in seen.stdout, (planting, looking, seen)
        assert seen.stdout == b"clean\n" or "killing" in name, seen

    if not met[name].breached:
        pytest.skip(f"on this machine {name} is not met without a box: {met[name]}")


@pytest.mark.parametrize("profile", ["strict", "subprocess"])
async def test_a_crowd_of_programs_gets_each_its_own_world(profile, sandbox):
    source = (
        "import os, sys, random\n"
        "number = int(input())\n"
        "open('mine', 'x').write(str(number)); os.environ['MINE'] = str(number); sys.mine = number\n"
        "random.seed(number); drawn = random.random()\n"
        "for _ in range(20_000): pass\n"
        "random.seed(number)\n"
        "assert open('mine').read() == os.environ['MINE'] == str(sys.mine) and drawn == random.random()\n"
        "print(number, len(os.listdir('.')))\n"
    )
    seen = {}

    async def one(number: int) -> None:
        program = Program(source, stdin=str(number).encode(), profile=profile)
        seen[number] = await sandbox.run(program, limits=LIMITS)

    async with anyio.create_task_group() as group:
        for number in range(40):
            group.start_soon(one, number)
    assert {number: result.stdout for number, result in seen.items()} == {
        number: f"{number} 1\n".encode() for number in range(40)
    }
