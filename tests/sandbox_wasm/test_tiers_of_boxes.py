"""Which boxes are used is the operator's choice: it is named everywhere, and no other kind ever takes its place."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from api.settings import from_environment
from api.wiring import service
from judge_agent.errors import InvalidRequest
from sandboxes import choose, probe_tier
from sandboxes.wasm import WasmSandbox

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).parents[2]
WITHOUT_NAMESPACES = 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"'
REQUEST = {
    "recipe": "verify",
    "task": {
        "prompt": "Write add(a, b).",
        "reference": {
            "tests": {"kind": "call", "entry_point": "add", "hidden": [{"args": [2, 3], "expected": 5}]}
        },
    },
    "candidates": [{"id": "a", "trajectory": {"text": "```python\ndef add(a, b):\n    return a + b\n```"}}],
}
Verb = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def verb(wasm: WasmSandbox, wasm_cache: Path, tmp_path: Path) -> Verb:
    """Run `judge-agent` with a tier, also where the kernel makes no namespaces."""
    request = tmp_path / "request.json"
    request.write_text(json.dumps(REQUEST))

    def run(
        *words: str, tier: str | None = None, namespaces: bool = True
    ) -> subprocess.CompletedProcess[str]:
        arguments = [str(request) if word == "REQUEST" else word for word in words]
        command = [sys.executable, "-m", "judge_agent.cli", *arguments]
        if not namespaces:
            unshare = shutil.which("unshare")
            if unshare is None:
                pytest.skip("no unshare (util-linux) to make a place without namespaces")
            command = [unshare, "--user", "--map-root-user", "sh", "-c", WITHOUT_NAMESPACES, "sh", *command]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("JUDGE_")}
        environment |= {"JUDGE_CACHE_DIR": str(wasm_cache), "JUDGE_DATA_DIR": str(tmp_path / "data")}
        environment |= {"JUDGE_SANDBOX": tier} if tier is not None else {}
        return subprocess.run(
            command, capture_output=True, text=True, timeout=100, cwd=ROOT, env=environment, check=False
        )

    return run


def line_of(tier: str, text: str) -> str:
    (found,) = (line for line in text.splitlines() if f"boxes [{tier}]" in line)
    return found


def test_the_tier_is_a_setting_with_three_values() -> None:
    assert from_environment({}).sandbox == "namespaces"
    assert from_environment({"JUDGE_SANDBOX": "wasm"}).sandbox == "wasm"
    with pytest.raises(InvalidRequest, match=r"JUDGE_SANDBOX: .*'namespaces', 'wasm' or 'none'"):
        from_environment({"JUDGE_SANDBOX": "docker"})


def test_programs_with_children_need_namespaces() -> None:
    with pytest.raises(InvalidRequest, match=r"JUDGE_RUN_CODE_PROFILE: .*JUDGE_SANDBOX=namespaces"):
        from_environment({"JUDGE_SANDBOX": "wasm", "JUDGE_RUN_CODE_PROFILE": "subprocess"})


def test_doctor_names_the_boxes_in_use_and_those_that_would_work(verb: Verb) -> None:
    told = verb("doctor", tier="wasm")
    assert line_of("wasm", told.stdout).startswith("ok      boxes [wasm], in use: CPython 3.12")
    assert "JUDGE_SANDBOX=namespaces would choose them" in line_of("namespaces", told.stdout)
    assert ("MISSING" in told.stdout) == (told.returncode == 1)


def test_doctor_fails_where_the_chosen_boxes_do_not_work_though_others_would(verb: Verb) -> None:
    told = verb("doctor", namespaces=False)
    assert told.returncode == 1
    assert line_of("namespaces", told.stdout).startswith("MISSING boxes [namespaces], in use:")
    assert "user.max_user_namespaces=0 forbids it" in line_of("namespaces", told.stdout)
    assert line_of("wasm", told.stdout).startswith(
        "ok      boxes [wasm], JUDGE_SANDBOX=wasm would choose them"
    )


def test_doctor_succeeds_where_the_chosen_boxes_work_though_others_do_not(verb: Verb) -> None:
    told = verb("doctor", tier="wasm", namespaces=False)
    assert line_of("wasm", told.stdout).startswith("ok")
    assert line_of("namespaces", told.stdout).startswith("absent  boxes [namespaces]")
    assert told.returncode == int("MISSING" in told.stdout)


@pytest.mark.parametrize(("tier", "namespaces"), [(None, False), ("none", True)])
def test_without_boxes_a_tool_is_unavailable_and_names_the_setting(
    tier: str | None, namespaces: bool, verb: Verb
) -> None:
    done = verb("judge", "REQUEST", "--model", "none", "--json", tier=tier, namespaces=namespaces)
    assert done.returncode == 4, done.stderr
    (candidate,) = json.loads(done.stdout)["candidates"]
    assert (candidate["status"], candidate["reward"]) == ("unscored", None)
    assert candidate["failure_kind"] == "tool_unavailable"
    assert "JUDGE_SANDBOX" in candidate["failure_reason"]


def test_webassembly_judges_where_there_are_no_namespaces_and_provenance_names_it(verb: Verb) -> None:
    done = verb("judge", "REQUEST", "--model", "none", "--json", tier="wasm", namespaces=False)
    assert done.returncode == 0, done.stderr
    judgment = json.loads(done.stdout)
    assert judgment["candidates"][0]["reward"] == 1.0
    version = judgment["provenance"]["tools"]["run_tests"]
    assert "wasm-2." in version
    assert version.endswith("/80s/480s")  # a slow box is no slow answer


async def test_the_log_and_readiness_name_the_tier(wasm_cache, wasm, tmp_path, caplog) -> None:
    settings = from_environment(
        {"JUDGE_SANDBOX": "wasm", "JUDGE_MODEL": "none"}, cache_dir=wasm_cache, data_dir=tmp_path
    )
    async with service(settings) as parts:
        assert parts.runs.boxes == f"wasm-{wasm.version}"
    assert "a weaker tier: JUDGE_SANDBOX=wasm" in caplog.text


async def test_no_tier_is_taken_for_another(tmp_path, wasm) -> None:
    chosen = await choose("none", cache_dir=tmp_path)
    assert (chosen.sandbox, "JUDGE_SANDBOX=none" in chosen.detail) == (None, True)
    namespaces = (await choose("namespaces", cache_dir=tmp_path)).sandbox
    assert namespaces is None or namespaces.name == "namespaces"
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "wasm").mkdir()
    (tmp_path / "wasm").chmod(0o777)
    unusable = await choose("wasm", cache_dir=tmp_path)
    assert (unusable.sandbox, "only this user can write to" in unusable.detail) == (None, True)


async def test_a_probe_of_no_boxes_always_works(tmp_path) -> None:
    assert (await probe_tier("none", cache_dir=tmp_path)).works
