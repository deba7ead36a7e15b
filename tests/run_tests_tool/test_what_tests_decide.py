"""Which results count for, against, or not at all; and which troubles are not the answer's."""

from pathlib import Path

import pytest

from judge_agent.errors import BudgetExceeded, SandboxError, ToolError
from judge_agent.schema import Artifact, CallTest, Message, Principle, Reference, Task, Tests, Trajectory
from judge_agent.seams.tool import ToolView
from sandboxes.namespaces import NamespaceSandbox
from tools.run_tests import RunTests

pytestmark = pytest.mark.anyio
ADD = "def add(a, b):\n    return a + b\n"
GOOD, BAD = CallTest(args=(1, 2), expected=3), CallTest(args=(1, 2), expected=4)
DOCTESTS = "Add two numbers.\n\n>>> add(1, 2)\n3\n>>> add(2, 2)\n4\n"


@pytest.mark.parametrize(
    ("visible", "hidden", "decided"),
    [
        ([GOOD], [GOOD], ("confirms", "decisive")),
        ([GOOD], [BAD], ("refutes", "decisive")),
        ([BAD], [GOOD], ("refutes", "decisive")),
        ([GOOD], [], ("confirms", "hint")),
        ([BAD], [], ("refutes", "decisive")),
    ],
)
async def test_visible_tests_only_refute(visible, hidden, decided, judge):
    assert (await judge(ADD, "call", hidden, visible, entry_point="add"))[0] == decided


async def test_doctests_of_the_prompt_are_visible_tests(judge):
    decided, statuses, _ = await judge(ADD, prompt=DOCTESTS)
    assert decided == ("confirms", "hint")
    assert statuses == {"doctest.0": "pass", "doctest.1": "pass"}
    assert (await judge("def add(a, b): return 3", prompt=DOCTESTS))[0] == ("refutes", "decisive")


async def test_hidden_tests_outweigh_a_doctest_that_contradicts_them(judge):
    prompt = "Add.\n>>> add(1, 2)\n4\n"
    assert (await judge(ADD, "call", [GOOD], entry_point="add", prompt=prompt))[0] == ("confirms", "decisive")


async def test_a_sloppy_doctest_says_nothing(judge):
    prompt = "Add.\n>>> add(1, 2)\nthree, of course\n>>> other(1)\n2\n"
    decided, statuses, _ = await judge(ADD, "call", [GOOD], entry_point="add", prompt=prompt)
    assert decided == ("confirms", "decisive")
    assert statuses["doctest.0"] == "broken"


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("def add(a, b:\n", "does not compile"),
        ("def plus(a, b): return a + b\n", "does not define 'add'"),
        ("1 / 0\ndef add(a, b): return a + b\n", "ZeroDivisionError"),
        ("import sys\nsys.exit(0)\ndef add(a, b): return a + b\n", "SystemExit"),
        ("import os\nos._exit(0)\ndef add(a, b): return a + b\n", "ended its own process"),
        ("def add(a, b): return a + b\nraise KeyboardInterrupt\n", "KeyboardInterrupt"),
        ("Sorry, I cannot help with that.", "does not compile"),
        ("\x00", "does not compile"),
        ("(" * 5000, "does not compile"),
    ],
)
async def test_code_that_cannot_be_loaded_is_refuted_with_the_reason(code, reason, judge):
    decided, _, result = await judge(code, "call", [GOOD], entry_point="add")
    assert decided == ("refutes", "decisive")
    assert reason in result.findings[0].reason
    assert result.status == "failed"


async def test_an_answer_without_code_fails_tests_that_were_given(tool):
    task = Task(
        prompt="Add.", reference=Reference(tests=Tests(kind="call", entry_point="add", hidden=(GOOD,)))
    )
    view = ToolView(task, Trajectory(messages=(Message(role="assistant", content="I will not."),)))
    result = await tool.run({}, view, timeout_seconds=10)
    assert (result.findings[0].bearing, result.findings[0].strength) == ("refutes", "decisive")
    assert "no code" in result.findings[0].reason


BROKEN = [
    ("assert", "assert add(1, 2) ==\n"),
    ("assert", "assert undefined_name(1) == add(1, 2)\n"),
    ("assert", "assert 1 == 2\n"),
    ("assert", "assert 1 == 1\n"),
    ("assert", "import no_such_module\nassert add(1, 2) == 3\n"),
    ("check", "def chekc(candidate): pass\n"),
    ("check", "def check(candidate):\n    raise RuntimeError('set-up')\n"),
    ("pytest", "def test_add(:\n"),
    ("pytest", "import no_such_module\ndef test_add(): assert True\n"),
    ("pytest", "x = 1\n"),
    ("pytest", "def test_nothing(missing_fixture): pass\n"),
]


@pytest.mark.parametrize(("kind", "test"), BROKEN)
async def test_a_broken_test_does_not_count_against_the_answer(kind, test, judge):
    decided, statuses, result = await judge(ADD, kind, [test], entry_point="add")
    assert decided[0] == "none"
    assert set(statuses.values()) == {"broken"}
    assert "the test itself is broken" in result.findings[0].reason


async def test_a_test_of_a_function_that_the_prompt_asked_for_is_not_broken(judge):
    hidden = ["assert sub(add(1, 2), 2) == 1"]
    prompt = "Write add(a, b) and sub(a, b)."
    decided, _, result = await judge(ADD, "assert", hidden, entry_point="add", prompt=prompt)
    assert decided == ("refutes", "decisive")
    assert "does not define 'sub'" in result.findings[0].reason


@pytest.mark.parametrize("kind", ["call", "assert"])
async def test_code_that_hangs_uses_up_its_own_time_and_is_refuted(kind, judge):
    code = "def add(a, b):\n    while a < 5: pass\n    return a + b\n"
    hidden = (
        [GOOD, CallTest(args=(6, 1), expected=7), GOOD, GOOD]
        if kind == "call"
        else [
            "assert add(1, 2) == 3",
            "assert add(6, 1) == 7",
            "assert add(1, 2) == 3",
            "assert add(1, 2) == 3",
        ]
    )
    decided, statuses, _ = await judge(code, kind, hidden, entry_point="add")
    assert decided == ("refutes", "decisive")
    assert sorted(statuses.items()) == [
        ("hidden.0", "timeout"),
        ("hidden.1", "pass"),
        ("hidden.2", "timeout"),
        ("hidden.3", "not_run"),
    ]


async def test_a_test_that_hangs_by_itself_does_not_decide(judge):
    decided, statuses, _ = await judge(ADD, "assert", ["assert add(1, 2) == 3\nwhile True: pass"])
    assert decided == ("refutes", "strong")
    assert statuses == {"hidden.0": "timeout"}


async def test_the_end_of_the_judgments_time_is_a_deadline_and_no_finding(judge):
    with pytest.raises(BudgetExceeded) as caught:
        await judge(
            "def add(a, b):\n    while True: pass", "call", [GOOD], entry_point="add", timeout_seconds=0.6
        )
    assert caught.value.failure_kind == "deadline"


async def test_a_box_that_fails_is_not_evidence_against_the_answer(view):
    tool = RunTests(NamespaceSandbox(Path("/bin/false")))
    with pytest.raises(SandboxError, match="box could not be made"):
        await tool.run({}, view(ADD, "call", [GOOD], entry_point="add"), timeout_seconds=10)


async def test_without_any_box_the_tool_is_unavailable(view):
    with pytest.raises(ToolError, match="JUDGE_SANDBOX"):
        await RunTests(None).run({}, view(ADD, "call", [GOOD], entry_point="add"), timeout_seconds=10)


async def test_a_test_that_kills_the_code_leaves_the_others_to_run(judge):
    code = "import os\ndef add(a, b):\n    if a == 0: os._exit(3)\n    return a + b\n"
    hidden = [CallTest(args=(0, 1), expected=1), GOOD]
    _, statuses, _ = await judge(code, "call", hidden, entry_point="add")
    assert statuses == {"hidden.0": "error", "hidden.1": "pass"}


async def test_a_flood_of_output_in_a_call_harms_nobody(judge):
    code = "def add(a, b):\n    for _ in range(300): print('x' * 10**5)\n    return a + b\n"
    assert (await judge(code, "call", [GOOD], entry_point="add"))[0] == ("confirms", "decisive")


async def test_a_huge_result_is_an_error_of_the_code(judge):
    decided, statuses, _ = await judge("def add(a, b): return 'x' * 10**7", "call", [GOOD], entry_point="add")
    assert decided == ("refutes", "decisive")
    assert statuses == {"hidden.0": "error"}


async def test_a_deep_or_cyclic_result_is_no_plain_data(judge):
    for code in (
        "def add(a, b):\n    x = []\n    x.append(x)\n    return x\n",
        "def add(a, b):\n    x = []\n    for _ in range(5000): x = [x]\n    return x\n",
    ):
        decided, statuses, _ = await judge(code, "call", [GOOD], entry_point="add")
        assert decided == ("refutes", "decisive")
        assert statuses == {"hidden.0": "fail"}


async def test_the_judges_own_assertions_never_decide(judge):
    for assertion, bearing in (("assert add(1, 2) == 3", "confirms"), ("assert add(1, 2) == 4", "refutes")):
        decided, _, _ = await judge(ADD, arguments={"assertions": [assertion]})
        assert decided == (bearing, "hint")
    for wrong in ({"assertions": []}, {"assertions": ["x"] * 9}, {"assertions": "x"}, {"other": 1}):
        with pytest.raises(ValueError, match="assertions"):
            await judge(ADD, arguments=wrong)


async def test_the_step_that_holds_the_code_gets_the_finding_too(tool):
    tests = Tests(kind="call", entry_point="add", hidden=(GOOD,))
    messages = (
        Message(role="assistant", content=f"```python\n{ADD}```"),
        Message(role="user", content="thanks"),
        Message(role="assistant", content="You are welcome."),
    )
    view = ToolView(Task(prompt="Add.", reference=Reference(tests=tests)), Trajectory(messages=messages))
    result = await tool.run({}, view, timeout_seconds=30)
    assert [(finding.step_id, finding.bearing) for finding in result.findings] == [
        (None, "confirms"),
        ("s1", "confirms"),
    ]
    assert result.output["code"]["origin"] == "fenced_block"


async def test_the_code_artifact_goes_first_and_may_be_imported_by_its_name(tool):
    tests = Tests(kind="pytest", hidden=("from calc import add\ndef test_add(): assert add(1, 2) == 3\n",))
    trajectory = Trajectory(
        artifacts=(Artifact(name="calc.py", kind="code", content=ADD),),
        final_answer="def add(a, b): return 0",
    )
    result = await tool.run(
        {}, ToolView(Task(prompt="x", reference=Reference(tests=tests)), trajectory), timeout_seconds=30
    )
    assert result.findings[0].bearing == "confirms"
    assert result.output["code"]["origin"] == "artifact"


def principle(**changes):
    fields = {
        "name": "passes_tests",
        "description": "d",
        "dimension": "correctness",
        "kind": "hard",
        "weight": 1.0,
    }
    return Principle(**{**fields, "scale": "pass_fail", "tool": "run_tests", "origin": "tool", **changes})


def test_only_principles_about_these_tests_can_be_decided(tool, view):
    tested, untested = view(ADD, "call", [GOOD], entry_point="add"), view(ADD)
    assert tool.can_decide(principle(), tested)
    assert not tool.can_decide(principle(), untested)
    assert tool.can_decide(principle(name="works", origin="given"), tested)
    assert not tool.can_decide(principle(tool=None), tested)
    assert not tool.can_decide(principle(origin="generated"), tested)


def test_the_principle_is_there_when_there_is_something_to_run(tool, view):
    assert tool.principle(view(ADD, "call", [GOOD], entry_point="add")).kind == "hard"
    assert tool.principle(view(ADD, prompt=DOCTESTS)) is not None
    assert tool.principle(view("no code here", prompt="What is 2 + 2?")) is None
    assert tool.principle(view("It prints 3.", prompt=DOCTESTS)) is None
    assert tool.principle(view("```\n$ ls\n```", prompt=DOCTESTS)) is None
