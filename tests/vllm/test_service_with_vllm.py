"""`judge-agent serve` with a vLLM of its own, or with one that runs already."""

import asyncio
import json
import os
import signal
import subprocess
import sys

import httpx
import pytest

from evals.service import running
from judge_agent.client import JudgeClient
from judge_agent.models.fake_server import FakeServer

REQUEST = {
    "recipe": "default",
    "task": {"prompt": "Say hello."},
    "principles": [{"name": "polite", "description": "is polite", "kind": "soft"}],
    "candidates": [{"id": "a", "trajectory": {"text": "Hello, how do you do?"}}],
    "budget": {"seconds": 60},
}


def serve(*arguments, **environment):
    command = [sys.executable, "-m", "judge_agent.cli", "serve", "--port", "0", *arguments]
    env = {**os.environ, **environment}
    return subprocess.run(command, capture_output=True, text=True, env=env, timeout=120)


def of_the_service(fake_vllm):
    return {
        "JUDGE_VLLM_PROGRAM": str(fake_vllm.program),
        "JUDGE_VLLM_ARGS": "--enforce-eager",
        **fake_vllm.settings().environment,
    }


def test_the_service_starts_its_own_vllm_judges_with_it_and_stops_it(fake_vllm, tmp_path, is_alive):
    data_dir = tmp_path / "data"
    with running(data_dir, model=str(fake_vllm.model), settings=of_the_service(fake_vllm)) as url:
        with JudgeClient(url, timeout_seconds=90) as client:
            judgment = client.judge(REQUEST)
            assert judgment.provenance.model["backend"] == "vllm"
            assert judgment.usage.model_calls > 0
            os.kill(fake_vllm.starts[0]["pid"], signal.SIGKILL)
            again = client.judge(REQUEST | {"task": {"prompt": "Say hello twice."}})
        kinds = {c.failure_kind for done in (judgment, again) for c in done.candidates}
        assert not kinds & {"model_unreachable", "model_error", "model_timeout", "internal"}
        assert httpx.get(f"{url}/health/ready", trust_env=False).status_code == 200
        assert len(fake_vllm.starts) == 2
        assert fake_vllm.starts[0]["argv"][-1] == "--enforce-eager"
    assert not [start for start in fake_vllm.starts if is_alive(start["pid"]) or is_alive(start["child"])]
    assert "starting" in (data_dir / "vllm.log").read_text()


def test_a_vllm_that_does_not_start_stops_the_service_with_the_end_of_its_log(fake_vllm, tmp_path):
    fake_vllm.tell("broken")
    done = serve("--model", str(fake_vllm.model), "--data-dir", str(tmp_path), **of_the_service(fake_vllm))
    assert done.returncode == 3
    assert "CUDA out of memory" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({"JUDGE_VLLM_ARGS": "--trust-remote-code"}, "JUDGE_VLLM_ARGS"),
        ({"JUDGE_VLLM_PROGRAM": "/no/such/vllm"}, "JUDGE_VLLM_PROGRAM"),
        ({"JUDGE_VLLM_REVISION": "main"}, "a revision is for models of the hub"),
    ],
)
def test_settings_of_vllm_that_are_wrong_are_named(fake_vllm, tmp_path, environment, named):
    given = of_the_service(fake_vllm) | environment
    done = serve("--model", str(fake_vllm.model), "--data-dir", str(tmp_path), **given)
    assert done.returncode == 3
    assert named in done.stderr
    assert "Traceback" not in done.stderr


def test_a_name_that_is_no_model_is_told(tmp_path):
    done = serve("--model", "embeded", "--data-dir", str(tmp_path))
    assert done.returncode == 3
    assert "'embeded' is neither" in done.stderr


@pytest.mark.anyio
async def test_a_running_server_is_pointed_at_by_its_url_alone(tmp_path):
    async with FakeServer(model="somebody/judge") as server:

        def judged():
            with (
                running(tmp_path, model=server.base_url) as url,
                JudgeClient(url, timeout_seconds=90) as client,
            ):
                return client.judge(REQUEST)

        judgment = await asyncio.to_thread(judged)
    assert judgment.provenance.model["id"] == "somebody/judge"
    assert json.loads(judgment.model_dump_json())["state"] == "done"


def test_a_url_where_no_server_is_needs_a_name(tmp_path):
    done = serve("--model", "http://127.0.0.1:9/v1", "--data-dir", str(tmp_path))
    assert done.returncode == 3
    assert "--model-name" in done.stderr
