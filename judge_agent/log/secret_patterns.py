"""Takes secrets out of what is logged: keys, tokens and passwords in well-known shapes.

Finds shapes, not meanings: a secret that looks like prose stays. Every pattern runs in linear time.
"""

from __future__ import annotations

import re
from typing import Any

_SHAPES: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("bearer token", re.compile(r"(?i)\b(bearer|basic)(\s{1,4})(?=\S{0,200}[0-9])[A-Za-z0-9._~+/=-]{16,}")),
    ("API key", re.compile(r"\b(?:sk|pk|rk|jk)[-_](?=[A-Za-z0-9_-]{0,200}[0-9])[A-Za-z0-9_-]{16,}")),
    ("GitHub token", re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,})")),
    ("GitLab token", re.compile(r"\bglpat-[A-Za-z0-9_-]{16,}")),
    ("AWS key", re.compile(r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b")),
    ("Google key", re.compile(r"\b(?:AIza[A-Za-z0-9_-]{30,}|ya29\.[A-Za-z0-9_-]{20,})")),
    ("Slack token", re.compile(r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}")),
    ("Hugging Face token", re.compile(r"\bhf_[A-Za-z0-9]{20,}")),
    ("package index token", re.compile(r"\b(?:pypi-[A-Za-z0-9_-]{30,}|npm_[A-Za-z0-9]{30,})")),
    (
        "web token",
        re.compile(r"(?<![A-Za-z0-9_.-])eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}"),
    ),
    ("password", re.compile(r"(?<=://)[^\s:/@]{1,128}:[^\s/@]{1,256}(?=@)")),
    (
        "secret",
        re.compile(
            r"(?i)\b((?:[a-z0-9]{1,20}[_-]){0,4}(?:api[_-]?key|secret(?:[_-]?key)?|password|passwd|access[_-]?token"
            r"|auth[_-]?token|client[_-]?secret|private[_-]?key)[\"']{0,2}\s{0,3}[:=]\s{0,3}[\"']{0,2})"
            r"(?=[A-Za-z0-9_./+=~-]{0,200}[0-9])[A-Za-z0-9_./+=~-]{12,}"
        ),
    ),
)
_HELD = {"bearer token": r"\1\2", "secret": r"\1"}
_KEY_BEGIN = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_KEY_END = re.compile(r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_SECRET_NAMES = {
    "api_key", "apikey", "x_api_key", "authorization", "proxy_authorization", "password", "passwd", "secret",
    "client_secret", "secret_key", "private_key", "access_token", "refresh_token", "auth_token", "cookie",
    "set_cookie", "aws_secret_access_key",
}  # fmt: skip


def without_secrets(value: Any) -> Any:
    """Return JSON data with every secret replaced by `[redacted: <what>]`, in texts, keys and values."""
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, dict):
        return {_text(key): _named(key, item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_secrets(item) for item in value]
    return value


def _named(key: str, item: Any) -> Any:
    if isinstance(item, str) and item and key.lower().replace("-", "_") in _SECRET_NAMES:
        return "[redacted: secret]"
    return without_secrets(item)


def _text(text: str) -> str:
    if len(text) < 8:
        return text
    text = _without_private_keys(text)
    for what, pattern in _SHAPES:
        text = pattern.sub(f"{_HELD.get(what, '')}[redacted: {what}]", text)
    return text


def _without_private_keys(text: str) -> str:
    """Cut PEM blocks out; one without an end takes the rest, for a cut-off key is still a key."""
    kept, position = [], 0
    while (begin := _KEY_BEGIN.search(text, position)) is not None:
        end = _KEY_END.search(text, begin.end())
        kept += [text[position : begin.start()], "[redacted: private key]"]
        position = end.end() if end else len(text)
    return "".join([*kept, text[position:]]) if kept else text
