"""Secrets in well-known shapes stay out of the log; code and prose that only look alike stay in it."""

from __future__ import annotations

import time
import tomllib
from pathlib import Path
from typing import Any

import pytest

from judge_agent.log.secret_patterns import without_secrets

DATA: dict[str, Any] = tomllib.loads((Path(__file__).parent / "secrets.toml").read_text())


@pytest.mark.parametrize(("text", "secret"), DATA["hidden"])
def test_a_secret_in_a_text_is_taken_out(text: str, secret: str) -> None:
    assert secret in text
    left = without_secrets(f"before {text} after")
    assert secret not in left
    assert "[redacted: " in left
    assert left.startswith("before ")


@pytest.mark.parametrize("text", DATA["kept"])
def test_a_text_without_a_secret_stays_as_it_is(text: str) -> None:
    assert without_secrets(text) == text


@pytest.mark.parametrize(
    "name", ["token", "id_token", "apiKey", "X-API-Key", "db_password", "pass", "Set-Cookie", "accessToken"]
)
def test_the_value_of_a_secret_name_is_taken_out(name: str) -> None:
    assert without_secrets({name: "abcd1234efgh5678"}) == {name: "[redacted: secret]"}


@pytest.mark.parametrize(
    ("value", "left"),
    [
        ({"password2": "hunter2"}, {"password2": "[redacted: secret]"}),
        ({"Passwords": ["hunter2x", "b"]}, {"Passwords": ["[redacted: secret]", "[redacted: secret]"]}),
        ({"authorization": ["Bearer x"]}, {"authorization": ["[redacted: secret]"]}),
        ([["Authorization", "hunter2hunter2"]], [["Authorization", "[redacted: secret]"]]),
        ([("X-Api-Key", "abcd1234")], [["X-Api-Key", "[redacted: secret]"]]),
        (
            [{"name": "Cookie", "value": "sid=abc"}],
            [{"name": "Cookie", "value": "[redacted: secret]"}],
        ),
        (
            {"properties": {"password": {"type": "string"}}, "required": ["password", "username"]},
            {"properties": {"password": {"type": "string"}}, "required": ["password", "username"]},
        ),
        (
            [["name", "hunter2"], {"name": "x", "value": "1"}],
            [["name", "hunter2"], {"name": "x", "value": "1"}],
        ),
    ],
)
def test_a_secret_is_known_by_its_name_wherever_the_name_stands(value: object, left: object) -> None:
    assert without_secrets(value) == left


def test_the_tokens_of_a_model_stay() -> None:
    told = [{"token": "hello", "logprob": -0.5}, {"token": " understanding-of-everything"}]
    assert without_secrets(told) == told


UNITS = (
    "password", 'password="', "secret_", "token=a1", 'token"', "_pass=a", "cookie:a=", "authorization: bearer ",
    "\\\"'", "sk-proj-", "bearer a", "api_key=a", "://a:@", "pwd='x",
    "passwd=a", "password: a1", "\nPASSWORD=", "'password', '", "authorization: a b ", "?password=",
    "'password','value':'",
)  # fmt: skip


@pytest.mark.parametrize("unit", UNITS)
def test_looking_for_secrets_in_a_hostile_text_takes_linear_time(unit: str) -> None:
    text = "password token: cookie " + unit * (400_000 // len(unit))
    began = time.process_time()
    without_secrets(text)
    assert time.process_time() - began < 4
