"""Programs of kind `stdio` that use what programs on a contest's machine may use."""

import pytest

from judge_agent.schema import StdioTest

pytestmark = pytest.mark.anyio
PROGRAMS = {
    "dev_stdin": "print(sum(map(int, open('/dev/stdin').read().split())))",
    "dev_stdin_as_bytes": "print(sum(map(int, open('/dev/stdin', 'rb').read().split())))",
    "dev_stdin_in_the_place_of_stdin": (
        "import sys\nsys.stdin = open('/dev/stdin')\nprint(sum(map(int, input().split())))"
    ),
    "descriptor_zero": "print(sum(map(int, open(0).read().split())))",
    "dev_stdout": "print(sum(map(int, input().split())), file=open('/dev/stdout', 'w'))",
    "its_own_path": "import os\nos.path.dirname(os.path.abspath(__file__))\nprint(6)",
    "an_unlimited_stack": (
        "import resource\n"
        "resource.setrlimit(resource.RLIMIT_STACK, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))\n"
        "print(6)"
    ),
    "a_path_of_pathlib": "import pathlib\nprint(sum(map(int, pathlib.Path('/dev/stdin').read_text().split())))",
}


@pytest.mark.parametrize("name", PROGRAMS)
async def test_a_right_program_passes(name, judge):
    if name == "an_unlimited_stack" and not unlimited_stacks():
        pytest.skip("this machine bounds stacks")
    decided, _, _ = await judge(PROGRAMS[name], "stdio", [StdioTest(stdin="1 2 3\n", stdout="6\n")])
    assert decided == ("confirms", "decisive")


def unlimited_stacks():
    import resource

    return resource.getrlimit(resource.RLIMIT_STACK)[1] == resource.RLIM_INFINITY


async def test_a_program_may_print_as_much_as_is_expected_of_it(judge):
    expected = "".join(f"{number}\n" for number in range(300_000))
    test = StdioTest(stdin="", stdout=expected)
    decided, _, _ = await judge("for n in range(300000): print(n)", "stdio", [test])
    assert decided == ("confirms", "decisive")


async def test_a_program_that_prints_without_end_is_stopped(judge):
    test = StdioTest(stdin="", stdout="1\n")
    decided, statuses, _ = await judge("while True: print(1)", "stdio", [test])
    assert decided == ("refutes", "decisive")
    assert statuses == {"hidden.0": "error"}
