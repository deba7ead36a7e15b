"""What the fake model server answers when it behaves: by hash, so that the same request gets the same answer."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from judge_agent.models.instances import Path, by_hash, pick_instance

CHARACTERS_PER_TOKEN = 4
_PIECE = re.compile(r"\w+|\W")
_MENUS = (("fail", "pass"), tuple("12345"))
THOUGHT = "Let me look at what was asked, and at what was done. "


def answer_to(body: Mapping[str, Any], model: str, schema: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The answer to a request body, as JSON; `schema` takes the place of the request's own."""
    schema = schema or schema_of(body)
    texts = [_content(body, schema, index) for index in range(int(body.get("n") or 1))]
    prompt, completion = len(tokens_of(text_of(body))), sum(len(tokens_of(text)) for text in texts)
    return {
        "id": "chatcmpl-fake",
        "object": "chat.completion",
        "model": model,
        "choices": [_choice(body, index, text, schema) for index, text in enumerate(texts)],
        "usage": {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
            "prompt_tokens_details": {"cached_tokens": prompt // 2},
            "completion_tokens_details": {"reasoning_tokens": 0},
        },
    }


def schema_of(body: Mapping[str, Any]) -> Mapping[str, Any] | None:
    response_format = body.get("response_format") or {}
    schema: Mapping[str, Any] | None = (response_format.get("json_schema") or {}).get("schema")
    return schema


def text_of(body: Mapping[str, Any]) -> str:
    """The text that is tokenized: contents one after the other, or a plain prompt."""
    if isinstance(body.get("prompt"), str):
        return str(body["prompt"])
    return "\n".join(str(message.get("content")) for message in body["messages"])


def tokens_of(text: str) -> list[str]:
    """Four characters are a token; the end is one of its own where nothing is left over."""
    return [
        text[start : start + CHARACTERS_PER_TOKEN] for start in range(0, len(text) + 1, CHARACTERS_PER_TOKEN)
    ]


def call_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """A call to the function that must be called, or to the first that may. Raises ValueError without any."""
    functions = [tool["function"] for tool in body.get("tools") or ()]
    choice = body.get("tool_choice")
    named = choice["function"]["name"] if isinstance(choice, Mapping) else None
    found = next((one for one in functions if named in (None, one["name"])), None)
    if found is None:
        raise ValueError(f"no function {named or ''!r} was offered")
    choose = by_hash(text_of(body), body.get("seed") or 0)
    arguments = pick_instance(found.get("parameters") or {"type": "object"}, choose)
    function = {"name": found["name"], "arguments": json.dumps(arguments)}
    return {"id": "call-fake-1", "type": "function", "function": function}


def prompt_logprobs(tokens: Sequence[tuple[int, str]]) -> list[dict[str, Any] | None]:
    """What vLLM tells of a prompt: nothing of its first token; of each later one itself and the likeliest."""
    places: list[dict[str, Any] | None] = [None]
    for (_, before), (token, text) in pairwise(tokens):
        own = -(int(hashlib.sha256(f"{before}{text}".encode()).hexdigest()[:4], 16) % 900 + 1) / 100
        best = {"logprob": -0.005, "rank": 1, "decoded_token": " the"}
        places.append({str(token): {"logprob": own, "rank": 7, "decoded_token": text}, "999999": best})
    return places


def _content(body: Mapping[str, Any], schema: Mapping[str, Any] | None, index: int) -> str:
    varying = index if (body.get("temperature") or 0) > 0 else 0
    choose = by_hash(text_of(body), body.get("seed") or 0, varying)
    if schema is None:
        return str(choose((), ("Yes", "No")))

    def decided(path: Path, options: Sequence[Any]) -> Any:
        # Who loads a service, or kills it, wants verdicts; to decline is none.
        return choose(path, [one for one in options if one != "cannot_assess"] or options)

    return json.dumps(pick_instance(schema, decided), ensure_ascii=False)


def _choice(
    body: Mapping[str, Any], index: int, text: str, schema: Mapping[str, Any] | None
) -> dict[str, Any]:
    choice: dict[str, Any] = {
        "index": index,
        "message": {"role": "assistant", "content": text},
        "finish_reason": "stop",
    }
    if body.get("tool_choice") not in (None, "auto", "none"):
        choice["message"] |= {"content": None, "tool_calls": [call_of(body)]}
        choice["finish_reason"] = "tool_calls"
    if body.get("logprobs"):
        count = int(body.get("top_logprobs") or 0)
        tokens = [_logprobs(text, count)]
        if schema is not None:
            tokens = [_among(piece, count) for piece in _PIECE.findall(text)]
        choice["logprobs"] = {"content": tokens}
    return choice


def _among(piece: str, count: int) -> dict[str, Any]:
    """A token of a JSON answer among others that might have stood there: the choices of a menu, if it is one."""
    menu = next((menu for menu in _MENUS if piece in menu), ())
    others = [(other, -1.5 - place) for place, other in enumerate(other for other in menu if other != piece)]
    top = [{"token": token, "logprob": logprob} for token, logprob in [(piece, -0.5), *others][:count]]
    return {"token": piece, "logprob": -0.5, "top_logprobs": top}


def _logprobs(text: str, count: int) -> dict[str, Any]:
    other = "No" if text == "Yes" else "Yes"
    variants = [(text, -0.3), (other, -1.8), (f" {text}", -3.0), (f" {other}", -4.0)]
    rest = [(f"word{place}", -6.0 - place / 10) for place in range(16)]
    top = [{"token": token, "logprob": logprob} for token, logprob in (variants + rest)[:count]]
    return {"token": text, "logprob": -0.3, "top_logprobs": top}
