"""POST /run_code, held to what SandboxFusion's clients read out of an answer (verl 0.9.1, sandbox-fusion 0.3.7)."""

from __future__ import annotations

import base64
import tomllib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from judge_agent.seams.sandbox import Sandbox
from tests.service.served import Served, serving

pytestmark = pytest.mark.anyio
CASES = tomllib.loads((Path(__file__).parent / "data" / "run_code.toml").read_text())["cases"]
FIELDS = {"status", "message", "compile_result", "run_result", "executor_pod_name", "files"}
RUN_FIELDS = {"status", "execution_time", "return_code", "stdout", "stderr"}


@pytest.fixture(scope="module")
async def served(sandbox: Sandbox) -> AsyncIterator[Served]:
    async with serving(sandbox=sandbox, run_code_memory_mb=1024) as found:
        yield found


async def ran(served: Served, code: str, **fields: Any) -> dict[str, Any]:
    body = {"code": code, "language": "python", "stdin": None, "files": {}, "fetch_files": []} | fields
    answer = await served.http.post("/run_code", json=body)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    assert set(told) == FIELDS
    assert told["run_result"] is None or set(told["run_result"]) == RUN_FIELDS
    return told


def as_verl_reads_it(told: dict[str, Any], expected: str) -> str:
    """The verdict of verl's reward on one test case, from the answer alone."""
    run = told["run_result"] or {}
    if told["status"] == "Success" and run.get("status") == "Finished":
        return str((run["stdout"] or "").rstrip("\n") == expected.rstrip("\n")).lower()
    if told["status"] == "Failed" and run.get("status") == "TimeLimitExceeded":
        return "-3"
    if told["status"] == "Failed" and run.get("status") == "Finished" and run["return_code"] != 0:
        return "-2"
    return "-1"


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
async def test_clients_of_sandbox_fusion_read_the_verdict_that_is_meant(
    served: Served, case: dict[str, Any]
) -> None:
    told_of = {"name", "expected", "verdict", "says"}
    told = await ran(
        served, **{key: value for key, value in case.items() if key not in told_of | {"return_code"}}
    )
    verdict = as_verl_reads_it(told, case.get("expected", ""))
    if case["verdict"] == "passed":
        assert (told["status"], told["run_result"]["return_code"]) == ("Success", 0), told
    elif case["verdict"] == "failed":
        assert verdict in ("-2", "-3"), told
    else:
        assert verdict == case["verdict"], told
    if "return_code" in case:
        assert told["run_result"]["return_code"] == case["return_code"]
    assert case.get("says", "") in (told["run_result"] or {"stderr": ""})["stderr"]
    assert bool(told["message"]) is (told["status"] == "SandboxError")


async def test_files_come_in_and_are_fetched_and_missing_ones_are_not(served: Served) -> None:
    code = (
        "import data.names\nopen('out.bin', 'wb').write(open('data/in.txt', 'rb').read()[::-1])\n"
        "print(data.names.WHO)"
    )
    sent = {
        "data/in.txt": "aGVsbG8=",
        "./data/names.py": base64.b64encode(b"WHO = 'ada'").decode(),
        "no": None,
    }
    told = await ran(served, code, files=sent, fetch_files=["out.bin", "./data/in.txt", "nothing.txt"])
    assert told["run_result"]["stdout"] == "ada\n", told
    assert {name: base64.b64decode(text) for name, text in told["files"].items()} == {
        "out.bin": b"olleh",
        "./data/in.txt": b"hello",
    }


async def test_files_are_sent_back_of_a_program_that_failed_too(served: Served) -> None:
    told = await ran(served, "open('a[1]*.txt', 'w').write('x')\n1/0", fetch_files=["a[1]*.txt"])
    assert (told["status"], told["files"]) == ("Failed", {"a[1]*.txt": "eA=="})


async def test_a_link_is_not_followed_out_of_the_work_folder(served: Served) -> None:
    code = "import os\nos.symlink('/etc/passwd', 'p')\nos.symlink('q', 'q')\nos.mkfifo('f')"
    told = await ran(served, code, fetch_files=["p", "q", "f"])
    assert told["files"] == {}


async def test_pytest_takes_files_and_arguments(served: Served) -> None:
    files = {"solution.py": base64.b64encode(b"def f():\n    return 1\n").decode()}
    code = (
        "from solution import f\n\ndef test_right():\n    assert f() == 1\n\n"
        "def test_wrong():\n    assert f() == 2\n"
    )
    told = await ran(served, code, language="pytest", files=files, args=["-q", "-k", "right"])
    assert (told["status"], "1 passed" in told["run_result"]["stdout"]) == ("Success", True), told


async def test_a_traceback_shows_the_line(served: Served) -> None:
    told = await ran(served, "x = 1\nassert x == 2, 'the odd one'\n")
    assert "line 2" in told["run_result"]["stderr"]
    assert "assert x == 2" in told["run_result"]["stderr"]


async def test_a_package_that_the_boxes_lack_is_named_and_one_of_nobody_is_not(served: Served) -> None:
    lacking = await ran(served, "import pandas as pd\nprint(pd)")
    assert (lacking["status"], "'pandas'" in lacking["message"]) == ("Failed", True)
    for code, files in (("import no_such_thing_here", {}), ("import pandas", {"pandas/__init__.py": "MS8w"})):
        assert (await ran(served, code, files=files))["message"] == ""


async def test_a_folder_named_as_the_program_would_be_is_no_trouble(served: Served) -> None:
    told = await ran(served, "print(open('program.py/x').read())", files={"program.py/x": "eA=="})
    assert told["run_result"]["stdout"] == "x\n", told


async def test_nothing_of_one_program_is_there_for_the_next(served: Served) -> None:
    await ran(served, "open('mark', 'w').write('1')\nimport json\njson.mark = 1")
    told = await ran(served, "import json, os\nprint(os.listdir('.'), hasattr(json, 'mark'))")
    assert told["run_result"]["stdout"] == "['program.py'] False\n"


async def test_a_strict_program_starts_no_other(served: Served) -> None:
    told = await ran(served, "import subprocess, sys\nsubprocess.run([sys.executable, '-c', ''])")
    assert as_verl_reads_it(told, "") == "-2"


async def test_the_subprocess_profile_lets_programs_start_others(sandbox: Sandbox) -> None:
    code = (
        "import multiprocessing, subprocess, sys\n"
        "done = subprocess.run([sys.executable, '-c', 'print(42)'], capture_output=True, text=True)\n"
        "if __name__ == '__main__':\n"
        "    with multiprocessing.get_context('fork').Pool(2) as pool:\n"
        "        print(done.stdout.strip(), pool.map(abs, [-1, -2]))"
    )
    async with serving(sandbox=sandbox, run_code_profile="subprocess") as served:
        told = await ran(served, code)
    assert told["run_result"]["stdout"] == "42 [1, 2]\n", told


async def test_ping_answers_as_sandbox_fusion_does(served: Served) -> None:
    assert (await served.http.get("/v1/ping")).json() == "pong"


async def test_fields_that_are_not_read_are_named(served: Served) -> None:
    body = {"code": "print(1)", "language": "python", "run_timout": 1, "request_id": "x\r\nY: z"}
    answer = await served.http.post("/run_code", json=body)
    assert (answer.status_code, answer.headers["x-ignored-fields"]) == (200, "request_id, run_timout")


async def test_the_description_has_the_request_with_examples_that_run(served: Served) -> None:
    document = (await served.http.get("/openapi.json")).json()
    post = document["paths"]["/run_code"]["post"]
    assert set(document["components"]["schemas"]["RunCodeRequest"]["properties"]) >= {"code", "fetch_files"}
    assert post["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].endswith(
        "/RunCodeResponse"
    )
    for example in post["requestBody"]["content"]["application/json"]["examples"].values():
        answer = await served.http.post("/run_code", json=example["value"])
        assert answer.json()["status"] == "Success", answer.text
