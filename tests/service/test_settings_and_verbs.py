"""The environment is read once, and what keeps the service from starting says what to do."""

from __future__ import annotations

import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from api.settings import from_environment
from judge_agent.errors import InvalidRequest

ROOT = Path(__file__).parents[2]
KEY = "0123456789abcdef"


def verb(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "judge_agent.cli", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
        env={**os.environ, **environment},
    )


def test_settings_come_from_the_environment_and_the_command_line_wins() -> None:
    environment = {"JUDGE_PORT": "9000", "JUDGE_ALLOWED_HOSTS": "judge.example, gpu-3", "JUDGE_URL": "x"}
    settings = from_environment(environment | {"JUDGE_API_KEYS": f"ada:{KEY}"}, port=9001, host=None)
    assert (settings.port, settings.host, settings.allowed_hosts) == (
        9001,
        "127.0.0.1",
        ("judge.example", "gpu-3"),
    )
    assert settings.api_keys[0][0] == "ada"
    assert KEY not in repr(settings)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("JUDGE_PORT", "eighty"),
        ("JUDGE_PORT", "70000"),
        ("JUDGE_MAX_RUNING", "4"),
        ("JUDGE_MAX_RUNNING", "0"),
        ("JUDGE_MAX_JUDGMENT_SECONDS", "3601"),
        ("JUDGE_MODEL_URL", "http://ada:the-secret@127.0.0.1:9/v1"),
        ("JUDGE_MODEL_URL", "http://the-secret@127.0.0.1:9/v1"),
        ("JUDGE_DATABASE_URL", "mysql://ada:the-secret@127.0.0.1/judge"),
        ("JUDGE_LIVE_SEARCH_URL", "ftp://ada:the-secret@127.0.0.1"),
        ("JUDGE_VLLM_ARGS", "--api-key 'the-secret"),
        ("JUDGE_MODEL", "gpt"),
        ("JUDGE_API_KEYS", "justakey0123456789"),
        ("JUDGE_API_KEYS", "ada:short-secret"[:9]),
        ("JUDGE_API_KEYS", f"ada:{KEY},bob:{KEY}"),
    ],
)
def test_a_wrong_setting_is_named_and_its_secret_is_not(name: str, value: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        from_environment({name: value})
    assert caught.value.field == name
    assert "secret" not in str(caught.value)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("JUDGE_WORKERS", "0", "1; it is '0'"),
        ("JUDGE_MAX_JUDGMENT_SECONDS", "7200", "3600; it is '7200'"),
        ("JUDGE_PORT", "eighty", "it is 'eighty'"),
        ("JUDGE_SANDBOX", "x" * 5000, "it is 'xxx"),
    ],
)
def test_the_value_of_a_wrong_setting_is_told_within_bounds(name: str, value: str, told: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        from_environment({name: value})
    assert told in caught.value.message
    assert len(caught.value.message) < 500


def test_a_model_server_is_not_named_with_a_password(tmp_path: Path) -> None:
    url = "http://ada:the-secret@127.0.0.1:9/v1"
    done = verb("serve", "--port", "0", "--model", url, "--model-name", "m", "--data-dir", str(tmp_path))
    assert (done.returncode, "JUDGE_MODEL_URL" in done.stderr) == (3, True)
    assert "JUDGE_MODEL_API_KEY" in done.stderr
    assert "the-secret" not in done.stdout + done.stderr


def test_a_number_of_workers_on_the_command_line_is_told() -> None:
    done = verb("serve", "--model", "none", "--workers", "0")
    assert (done.returncode, "it is 0" in done.stderr) == (3, True)


def test_a_model_server_needs_a_url_and_a_name() -> None:
    with pytest.raises(InvalidRequest, match="JUDGE_MODEL_NAME"):
        from_environment({"JUDGE_MODEL": "openai", "JUDGE_MODEL_URL": "http://127.0.0.1:8000/v1"})


def test_listening_beyond_this_machine_without_keys_is_refused(tmp_path: Path) -> None:
    done = verb("serve", "--host", "0.0.0.0", "--port", "0", "--model", "none", "--data-dir", str(tmp_path))
    assert done.returncode == 3
    assert "needs API keys" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = verb("serve", "--port", port, "--model", "none", "--data-dir", str(tmp_path))
    assert done.returncode == 3
    assert f"127.0.0.1:{port}" in done.stderr
    assert "Traceback" not in done.stderr


def test_keys_are_added_listed_and_revoked(tmp_path: Path) -> None:
    folder = {"JUDGE_DATA_DIR": str(tmp_path)}
    secret, told = verb("keys", "add", "ada", **folder).stdout.splitlines()
    found = re.search(r"key_\w+", told)
    assert found is not None
    listed = verb("keys", "list", **folder).stdout
    assert found.group() in listed
    assert secret not in listed
    assert verb("keys", "revoke", found.group(), **folder).returncode == 0
    assert "revoked" in verb("keys", "list", **folder).stdout
    again = verb("keys", "revoke", found.group(), **folder)
    assert (again.returncode, found.group() in again.stderr) == (3, True)


def test_keys_are_looked_for_where_there_is_a_database_only(tmp_path: Path) -> None:
    for words in (("list",), ("revoke", "key_0"), ("limit", "key_0", "--max-open", "1")):
        for folder in (tmp_path / "nowhere", tmp_path):
            refused = verb("keys", "--data-dir", str(folder), *words)
            assert (refused.returncode, refused.stdout) == (3, "")
            assert str(folder / "judge.db") in refused.stderr
            assert "Traceback" not in refused.stderr
    assert list(tmp_path.iterdir()) == []


def test_that_there_are_no_keys_is_said(tmp_path: Path) -> None:
    made = verb("keys", "add", "ada", "--data-dir", str(tmp_path / "new"))
    assert made.returncode == 0
    database = tmp_path / "new" / "judge.db"
    with sqlite3.connect(database) as connection:
        connection.execute("DELETE FROM api_keys")
    listed = verb("keys", "list", "--data-dir", str(tmp_path / "new"))
    assert (listed.returncode, listed.stdout) == (0, "")
    assert "no keys" in listed.stderr


def test_what_a_key_is_added_for_is_described() -> None:
    assert re.search(r"^ +tenant +\w", verb("keys", "add", "--help").stdout, re.MULTILINE)


def test_keys_are_given_limits_which_are_changed_and_listed(tmp_path: Path) -> None:
    folder = {"JUDGE_DATA_DIR": str(tmp_path)}
    told = verb("keys", "add", "ada", "--max-open", "8", "--tokens-per-day", "none", **folder).stdout
    found = re.search(r"key_\w+", told)
    assert found is not None
    assert "max_open=8 tokens_per_day=none" in told
    changed = verb(
        "keys", "limit", found.group(), "--requests-per-minute", "60", "--max-open", "default", **folder
    )
    assert changed.stdout == f"key {found.group()}: requests_per_minute=60 tokens_per_day=none\n"
    assert "works  requests_per_minute=60 tokens_per_day=none" in verb("keys", "list", **folder).stdout
    for wrong in ("0", "-1", "many", "1.5", "9" * 30):
        refused = verb("keys", "limit", found.group(), f"--max-open={wrong}", **folder)
        assert (refused.returncode, "Traceback" in refused.stderr) == (3, False)
        assert "--max-open" in refused.stderr
    unknown = verb("keys", "limit", "key_none", "--max-open", "1", **folder)
    assert (unknown.returncode, "key_none" in unknown.stderr) == (3, True)


def test_the_service_says_where_it_is_judges_and_stops_in_order(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "judge_agent.cli", "serve", "--model", "none", "--port", "0"]
    with subprocess.Popen(
        [*command, "--data-dir", str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=ROOT,
    ) as running:
        assert running.stdout is not None
        try:
            url = re.search(r"http://[\d.]+:\d+", running.stdout.readline())
            assert url is not None
            assert httpx.get(f"{url.group()}/health").json() == {"status": "ok"}
            running.send_signal(signal.SIGTERM)
            assert running.wait(20) == 0
            assert "next start" in running.stdout.read()
        finally:
            running.kill()
