"""Asks a model server which model it serves, for `--model URL` without a name."""

from __future__ import annotations

from typing import Any

import httpx

from judge_agent.errors import InvalidRequest

TIMEOUT_SECONDS = 10.0


def served_name(url: str, api_key: str | None) -> str:
    """Return the id of the only model that `url`/models lists. Raises InvalidRequest that says what is there."""
    headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
    try:
        answer = httpx.get(
            f"{url.rstrip('/')}/models", headers=headers, timeout=TIMEOUT_SECONDS, trust_env=False
        )
        answer.raise_for_status()
        listed = _ids(answer.json())
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise InvalidRequest(
            "--model", f"{url} does not say which model it serves ({error}); name it with --model-name"
        ) from error
    if len(listed) != 1:
        names = ", ".join(listed[:10]) or "none"
        raise InvalidRequest("--model-name", f"{url} serves {len(listed)} models ({names}); name one")
    return listed[0]


def _ids(data: Any) -> list[str]:
    """The ids in an answer of `/models`; ValueError for another shape."""
    entries = data.get("data") if isinstance(data, dict) else None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ValueError("its answer is no list of models")
    return [str(entry.get("id", "")) for entry in entries]
