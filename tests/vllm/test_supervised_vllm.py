import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from judge_agent.errors import ModelError
from judge_agent.models.vllm_model import VllmModel
from judge_agent.models.vllm_server import VllmServer
from judge_agent.seams.model import ChatMessage

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are looked up in /proc"),
]
PING = (ChatMessage("user", "ping"),)


async def until(condition, seconds=20.0):
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def command_line(pid):
    return Path(f"/proc/{pid}/cmdline").read_text()


async def test_the_server_answers_with_its_key_alone_when_it_is_entered(fake_vllm):
    async with VllmServer(fake_vllm.settings()) as server, httpx.AsyncClient(trust_env=False) as http:
        assert server.state == "up"
        assert server.base_url.startswith("http://127.0.0.1:")
        assert (await http.get(f"{server.base_url}/models")).status_code == 401
        key = {"Authorization": f"Bearer {server.api_key}"}
        listed = await http.get(f"{server.base_url}/models", headers=key)
        assert listed.json()["data"][0]["id"] == "tiny-judge"


async def test_the_key_is_in_the_environment_and_not_on_the_command_line(fake_vllm):
    async with VllmServer(fake_vllm.settings()) as server, VllmServer(fake_vllm.settings()) as other:
        start = fake_vllm.starts[0]
        assert server.api_key != other.api_key
        assert start["environment"]["VLLM_API_KEY"] == server.api_key
        assert server.api_key not in " ".join(start["argv"])
        assert server.api_key not in command_line(server.pid)


async def test_the_service_s_own_settings_do_not_reach_the_server(fake_vllm, monkeypatch):
    monkeypatch.setenv("JUDGE_API_KEYS", "tenant:secret-of-a-tenant")
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    async with VllmServer(fake_vllm.settings()):
        environment = fake_vllm.starts[0]["environment"]
    assert not [name for name in environment if name.startswith("JUDGE_")]
    assert environment["HF_HUB_OFFLINE"] == "1"
    assert environment["VLLM_NO_USAGE_STATS"] == "1"
    assert environment["PATH"].startswith(str(fake_vllm.program.parent))


async def test_a_server_that_ends_while_it_starts_is_told_with_its_last_lines(fake_vllm):
    fake_vllm.tell("broken")
    with pytest.raises(
        ModelError, match=r"ended with code 7 after [\d.]+ s(.|\n)*CUDA out of memory"
    ) as caught:
        await VllmServer(fake_vllm.settings()).__aenter__()
    assert caught.value.failure_kind == "model_unreachable"


async def test_a_program_that_is_not_there_is_told(fake_vllm):
    fake_vllm.program.unlink()
    with pytest.raises(ModelError, match=r"ended with code 127(.|\n)*cannot be started"):
        await VllmServer(fake_vllm.settings()).__aenter__()


async def test_a_server_that_does_not_answer_in_time_is_ended(fake_vllm):
    fake_vllm.tell("slow")
    began = time.monotonic()
    with pytest.raises(ModelError, match=r"did not answer within start_seconds=1(.|\n)*starting"):
        await VllmServer(fake_vllm.settings(start_seconds=1.0)).__aenter__()
    assert time.monotonic() - began < 10


async def test_leaving_ends_the_server_and_what_it_started(fake_vllm, is_alive):
    async with VllmServer(fake_vllm.settings()) as server:
        start = fake_vllm.starts[0]
        assert is_alive(start["pid"])
        assert is_alive(start["child"])
    assert server.state == "stopped"
    assert not is_alive(start["pid"])
    await until(lambda: not is_alive(start["child"]))
    with pytest.raises(ModelError, match="stopped"):
        await server.until_up()


async def test_a_server_that_does_not_stop_when_asked_is_killed(fake_vllm, is_alive):
    fake_vllm.tell("deaf")
    async with VllmServer(fake_vllm.settings(stop_seconds=0.2)):
        start = fake_vllm.starts[0]
    assert not is_alive(start["pid"])


async def test_the_server_ends_with_its_owner_even_when_that_is_killed(fake_vllm, is_alive):
    settings = fake_vllm.settings()
    owner = (
        "import asyncio, os, pathlib, signal, sys\n"
        "from judge_agent.models.vllm_server import VllmServer\n"
        "from judge_agent.models.vllm_settings import VllmSettings\n"
        "async def main():\n"
        "    settings = VllmSettings(sys.argv[1], pathlib.Path(sys.argv[2]), program=sys.argv[3], stop_seconds=1)\n"
        "    async with VllmServer(settings):\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "asyncio.run(main())\n"
    )
    command = [sys.executable, "-c", owner, settings.model, str(settings.log_file), settings.program]
    environment = {**os.environ, **settings.environment}
    done = await asyncio.to_thread(subprocess.run, command, env=environment, timeout=60)
    assert done.returncode == -signal.SIGKILL
    start = fake_vllm.starts[0]
    await until(lambda: not is_alive(start["pid"]) and not is_alive(start["child"]))


async def test_a_dead_server_is_started_again_and_leaves_nothing_behind(fake_vllm, is_alive):
    async with VllmServer(fake_vllm.settings()) as server:
        first, url = fake_vllm.starts[0], server.base_url
        os.kill(first["pid"], signal.SIGKILL)
        await until(lambda: server.starts == 2 and server.state == "up")
        assert server.base_url == url
        assert not is_alive(first["child"])
        assert await server.answers()


async def test_a_restart_takes_another_port_when_its_own_is_gone(fake_vllm):
    async with VllmServer(fake_vllm.settings(first_pause_seconds=0.5)) as server:
        url = server.base_url
        os.kill(fake_vllm.starts[0]["pid"], signal.SIGKILL)
        await until(lambda: server.state == "restarting")
        with socket.socket() as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            other.bind(("127.0.0.1", int(url.split(":")[2].removesuffix("/v1"))))
            other.listen()
            await server.until_up()
        assert server.base_url != url
        assert await server.answers()


async def test_a_server_that_hangs_or_says_it_cannot_serve_is_started_again(fake_vllm):
    settings = fake_vllm.settings(probe_seconds=0.2, max_missed=2, stop_seconds=0.2)
    async with VllmServer(settings) as server:
        os.kill(fake_vllm.starts[0]["pid"], signal.SIGSTOP)
        await until(lambda: server.starts == 2 and server.state == "up")
        fake_vllm.tell("sick")
        await until(lambda: server.state == "restarting")
        (fake_vllm.folder / "sick").unlink()
        await until(lambda: server.state == "up")
        assert server.starts == 3


async def test_a_start_that_fails_once_is_tried_again(fake_vllm):
    async with VllmServer(fake_vllm.settings()) as server:
        fake_vllm.tell("broken once")
        os.kill(fake_vllm.starts[0]["pid"], signal.SIGKILL)
        await until(lambda: server.starts == 3 and server.state == "up")


async def test_a_call_that_the_server_s_death_cut_off_is_answered_by_its_next_start(fake_vllm):
    async with aclosing(await VllmModel.started(fake_vllm.settings())) as model:
        answer = await model.complete((ChatMessage("user", "die once"),), timeout_seconds=30)
        assert answer.choices[0].content
        assert model.server.starts == 2
        assert answer.model == "tiny-judge"


async def test_a_call_waits_for_the_restart_within_its_own_time(fake_vllm):
    async with aclosing(await VllmModel.started(fake_vllm.settings(first_pause_seconds=0.5))) as model:
        os.kill(fake_vllm.starts[0]["pid"], signal.SIGKILL)
        await until(lambda: model.server.state == "restarting")
        with pytest.raises(ModelError, match="did not come back within") as caught:
            await model.complete(PING, timeout_seconds=0.1)
        assert caught.value.failure_kind == "model_unreachable"
        assert (await model.complete(PING, timeout_seconds=30)).choices[0].content


async def test_a_request_that_kills_the_server_is_sent_twice_and_not_oftener(fake_vllm):
    # A real start takes longer than the client's own second attempt, which must find no server.
    async with aclosing(await VllmModel.started(fake_vllm.settings(first_pause_seconds=0.8))) as model:
        with pytest.raises(ModelError) as caught:
            await model.complete((ChatMessage("user", "die always"),), timeout_seconds=30)
        assert caught.value.failure_kind in ("model_unreachable", "model_error")
        assert (await model.complete(PING, timeout_seconds=30)).choices[0].content
        assert model.server.starts == 3


async def test_after_too_many_deaths_calls_fail_at_once_as_unreachable(fake_vllm):
    settings = fake_vllm.settings(max_restarts=2)
    async with aclosing(await VllmModel.started(settings)) as model:
        fake_vllm.tell("broken")
        os.kill(fake_vllm.starts[0]["pid"], signal.SIGKILL)
        await until(lambda: model.server.state == "failed")
        for ask in (lambda: model.complete(PING, timeout_seconds=30), model.info):
            with pytest.raises(
                ModelError, match=r"2 restarts within 600 s(.|\n)*CUDA out of memory"
            ) as caught:
                await ask()
            assert caught.value.failure_kind == "model_unreachable"


async def test_a_refusal_of_the_server_is_no_death(fake_vllm):
    async with aclosing(await VllmModel.started(fake_vllm.settings())) as model:
        unknown = {"type": "object", "properties": {"a": {"not": {}}}, "required": ["a"]}
        with pytest.raises(ModelError) as caught:
            await model.complete(PING, schema=unknown, timeout_seconds=10)
        assert caught.value.failure_kind == "model_error"
        assert model.server.starts == 1


async def test_the_log_is_this_user_s_alone_and_a_large_one_is_put_aside(fake_vllm):
    settings = fake_vllm.settings()
    settings.log_file.parent.mkdir()
    settings.log_file.write_bytes(b"x" * 20_000_001)
    async with VllmServer(settings):
        assert settings.log_file.stat().st_mode & 0o777 == 0o600
    assert "starting" in settings.log_file.read_text()
    assert settings.log_file.with_name("vllm.log.1").stat().st_size == 20_000_001


async def test_another_checkpoint_under_the_same_name_is_another_revision(fake_vllm):
    revisions = []
    for weights in (b"a" * 17_000_000, b"a" * 8_000_000 + b"b" * 9_000_000):
        (fake_vllm.model / "model.safetensors").write_bytes(weights)
        async with aclosing(await VllmModel.started(fake_vllm.settings())) as model:
            info = await model.info()
            revisions.append(info.revision)
            assert (info.id, info.backend, info.context_window) == ("tiny-judge", "vllm", 4096)
    assert revisions[0] != revisions[1]


async def test_a_restart_serves_the_commit_of_the_first_start_whatever_the_hub_has_since(fake_vllm, caplog):
    first, later = "a" * 40, "b" * 40
    reference = fake_vllm.folder / "hub" / "models--org--judge" / "refs" / "main"
    reference.parent.mkdir(parents=True)
    reference.write_text(first)
    environment = {**fake_vllm.settings().environment, "HF_HUB_CACHE": str(fake_vllm.folder / "hub")}
    settings = replace(fake_vllm.settings(), model="org/judge", environment=environment)
    async with aclosing(await VllmModel.started(settings)) as model:
        assert (await model.info()).revision == first
        assert f"its commit is {first}" in caplog.text
        reference.write_text(later)
        os.kill(fake_vllm.starts[0]["pid"], signal.SIGKILL)
        await until(lambda: model.server.starts == 2 and model.server.state == "up")
    argv = [start["argv"] for start in fake_vllm.starts]
    assert "--revision" not in argv[0]
    assert argv[1][argv[1].index("--revision") + 1] == first
    assert argv[1][argv[1].index("--tokenizer-revision") + 1] == first
