"""System calls that are nobody's business: the kernel takes them up for a naive runner's program, never for a box's."""

import platform
import tomllib
from pathlib import Path

import pytest

from judge_agent.seams.sandbox import Limits, Program

pytestmark = pytest.mark.anyio
TABLE = tomllib.loads(Path(__file__).parent.joinpath("attacks", "calls.toml").read_text())
CALLS = {
    f"{family}.{name}": (name, arguments)
    for family, named in TABLE.items()
    for name, arguments in named.items()
    if family in (f"only_{platform.machine()}", *(one for one in TABLE if not one.startswith("only_")))
}


@pytest.fixture(scope="module")
def taken_up(naive) -> dict[str, str]:
    """What the kernel answers each call of a naive runner's program: each is made by a child of its own."""
    asked = "".join(
        f"if os.fork() == 0:\n    print({named!r}, reached({name!r}, {arguments}), sep=chr(9), flush=True)\n"
        "    os._exit(0)\nos.wait()\n"
        for named, (name, arguments) in CALLS.items()
    )
    lines = naive.run(asked, seconds=30).stdout.splitlines()
    return dict(line.split("\t", 1) for line in lines)


@pytest.mark.parametrize("named", CALLS)
async def test_a_kernel_call_is_taken_up_without_a_box_and_never_in_one(
    named, surroundings, taken_up, sandbox
):
    name, arguments = CALLS[named]
    source = surroundings.fill(f"print('asked', reached({name!r}, {arguments}))")
    for profile in ("strict", "subprocess"):
        boxed = await sandbox.run(Program(source, profile=profile), limits=Limits(wall_seconds=5))
        assert b"BREACH" not in boxed.stdout, (profile, boxed)
        assert boxed.stdout.startswith(b"asked") or boxed.limit == "system_calls", (profile, boxed)

    if "BREACH" not in taken_up[named]:
        pytest.skip(f"this kernel takes {name} up for nobody")
