"""Tools in boxes of WebAssembly: right where the box is enough, and unavailable, never `failed`, where it is not."""

import pytest

from judge_agent.errors import ToolError
from judge_agent.schema import (
    Artifact,
    CallTest,
    Database,
    Reference,
    Resources,
    StdioTest,
    Task,
    Tests,
    Trajectory,
)
from judge_agent.seams.tool import ToolView
from tools.query_sql import QuerySql
from tools.run_tests import RunTests

pytestmark = pytest.mark.anyio
TWO = CallTest(args=(2,), expected=2)
NUMPY = "import numpy as np\ndef f(x): return int(np.array([x]).sum())"
THREAD = """
import threading
def f(x):
    found = []
    thread = threading.Thread(target=found.append, args=(x,))
    thread.start()
    thread.join()
    return found[0]
"""
POOL = "from concurrent.futures import ThreadPoolExecutor as Pool\ndef f(x): return Pool().submit(abs, x).result()"
LOCK = "import threading\nlock = threading.Lock()\ndef f(x):\n    with lock: return x"
COROUTINE = """
import asyncio
async def late(x):
    await asyncio.sleep(0.01)
    return x
def f(x): return asyncio.run(late(x))
"""
CACHED = """
import functools
@functools.cache
def g(n): return n if n < 3 else g(n - 1) + 1
def f(x): return g(300) - 298
"""
SETUP = "CREATE TABLE people (name TEXT, age INTEGER); INSERT INTO people VALUES ('Ada', 36), ('Bo', 12), ('Cy', 50);"


async def judged(wasm, code, kind="call", hidden=(TWO,), entry_point="f"):
    tests = Tests(kind=kind, entry_point=entry_point, hidden=tuple(hidden))
    view = ToolView(Task(prompt="Write it.", reference=Reference(tests=tests)), Trajectory(final_answer=code))
    return await RunTests(wasm).run({}, view, timeout_seconds=90)


@pytest.mark.parametrize("code", ["def f(x): return x", LOCK, COROUTINE, CACHED])
async def test_right_code_passes(code, wasm):
    finding = (await judged(wasm, code)).findings[0]
    assert (finding.bearing, finding.strength, finding.score) == ("confirms", "decisive", 1.0)


@pytest.mark.parametrize(
    "code", ["def f(x): return x + 1", "def f(x): return f(x)", "def f(x): return 1 / 0"]
)
async def test_wrong_code_fails(code, wasm):
    finding = (await judged(wasm, code)).findings[0]
    assert (finding.bearing, finding.strength, finding.score) == ("refutes", "decisive", 0.0)


@pytest.mark.parametrize(
    "code",
    [
        "def f(x): return len(range(3_000_000_000)) - 3_000_000_000 + x",
        "import array\ndef f(x): return array.array('l', [x, 5 * 10**9])[0]",
        "import signal\ndef f(x):\n    signal.alarm(5)\n    signal.alarm(0)\n    return x",
        "import zoneinfo\ndef f(x): return x if zoneinfo.ZoneInfo('Europe/Berlin') else 0",
    ],
)
async def test_what_this_kind_of_machine_cannot_is_not_held_against_the_code(code, wasm):
    result = await judged(wasm, code)
    assert (result.findings[0].bearing, result.output["summary"]) == ("none", {"hidden_lacking": 1})


async def test_tests_that_share_a_box_with_the_code_work(wasm):
    code = "def f(n):\n    yield from range(n)"
    result = await judged(wasm, code, "assert", ["assert list(f(3)) == [0, 1, 2]"])
    assert (result.findings[0].bearing, result.findings[0].strength) == ("confirms", "strong")


async def test_programs_that_read_and_print_work(wasm):
    tests = [StdioTest(stdin="2\n", stdout="4\n")]
    finding = (await judged(wasm, "print(int(input()) * 2)", "stdio", tests, None)).findings[0]
    assert (finding.bearing, finding.strength) == ("confirms", "decisive")


@pytest.mark.parametrize(
    ("code", "kind", "hidden", "module"),
    [
        (NUMPY, "call", [TWO], "numpy"),
        (THREAD, "call", [TWO], "threading"),
        (POOL, "call", [TWO], "threading"),
        ("import multiprocessing\ndef f(x): return x", "call", [TWO], "multiprocessing"),
        ("import lzma\ndef f(x): return x", "call", [TWO], "_lzma"),
        ("import numpy\nprint(numpy.array([2])[0])", "stdio", [StdioTest(stdin="", stdout="2\n")], "numpy"),
        (
            "def f(x): return x",
            "pytest",
            ["from solution import f\ndef test_f(): assert f(2) == 2"],
            "pytest",
        ),
        ("def f(x): return x", "assert", ["import numpy\nassert f(numpy.int64(2)) == 2"], "numpy"),
    ],
)
async def test_what_the_box_lacks_is_not_held_against_the_code(code, kind, hidden, module, wasm):
    with pytest.raises(ToolError, match=f"lack the module '{module}'") as caught:
        await judged(wasm, code, kind, hidden, None if kind == "stdio" else "f")
    assert caught.value.failure_kind == "tool_unavailable"


def asked(engine, sql):
    database = Database.model_validate({"name": "main", "engine": engine, "sql": SETUP})
    task = Task(
        prompt="Ask.", reference=Reference(sql="SELECT name FROM people WHERE age > 20 ORDER BY name")
    )
    answer = Trajectory(artifacts=(Artifact(name="answer.sql", kind="sql", content=sql),))
    return ToolView(task, answer, 0, Resources(databases=(database,)), "t")


@pytest.mark.parametrize(
    ("sql", "bearing"),
    [
        ("SELECT name FROM people WHERE age >= 36 ORDER BY 1", "confirms"),
        ("SELECT name FROM people ORDER BY 1", "refutes"),
    ],
)
async def test_sqlite_decides(sql, bearing, wasm):
    result = await QuerySql(wasm).run({}, asked("sqlite", sql), timeout_seconds=90)
    assert result.findings[0].bearing == bearing


async def test_duckdb_is_unavailable_and_says_so(wasm):
    with pytest.raises(ToolError, match="duckdb") as caught:
        await QuerySql(wasm).run({}, asked("duckdb", "SELECT name FROM people"), timeout_seconds=90)
    assert caught.value.failure_kind == "tool_unavailable"


def test_the_version_of_a_tool_names_its_boxes(wasm):
    for tool in (RunTests(wasm), QuerySql(wasm)):
        assert f"wasm-{wasm.version}" in tool.version
