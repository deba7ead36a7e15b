"""The ways in which the fake model server misbehaves on purpose."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

Respond = Callable[[Mapping[str, Any] | None], dict[str, Any]]
OFF_MENU = "off-the-menu"
HUGE_BYTES = 64_000_000
DRIP_SECONDS = 0.05

# name: what the server does
MODES: dict[str, str] = {
    "none": "behaves",
    "content_none": "an answer whose content is null",
    "reasoning_only": "content null, all of it in reasoning_content",
    "thinking": "the answer after an inline <think> block",
    "truncated": "half of the JSON, finish_reason length",
    "off_menu": "every choice from a menu is one that was not offered",
    "two_verdicts": "two different answers in one",
    "no_usage": "a good answer that tells no tokens",
    "hang": "never answers",
    "drip": "sends headers, then a space now and then",
    "error_429": "429 with Retry-After: 0",
    "error_429_later": "429 with Retry-After: 3600",
    "error_500": "500",
    "error_503": "503 without a body",
    "error_503_later": "503 with Retry-After: 3600",
    "unauthorized": "401 that quotes the key it was sent",
    "context_length": "400: the prompt is too long",
    "bad_request": "400 for another reason",
    "close": "closes the connection without an answer",
    "close_midway": "closes the connection in the middle of the body",
    "not_json": "200 with an HTML page",
    "broken_json": "200 with half a JSON body",
    "deep_json": "200 with 100,000 nested lists",
    "wrong_shape": "200 with JSON of another shape",
    "no_choices": "200 with an empty list of choices",
    "wrong_types": "200 with numbers where texts belong",
    "huge": "a body of 64 MB",
    "compressed": "a small body that unpacks to 64 MB",
    "redirect": "307 to another address",
    "strict": "400 to a field that OpenAI's reference does not have",
    "strict_pydantic": "the same as 422, in the words of a pydantic server",
}


async def misbehave(mode: str, request: web.Request, respond: Respond) -> web.StreamResponse | None:
    """Answer in the way of `mode`; None for a mode that behaves."""
    if mode == "none":
        return None
    if mode in ("strict", "strict_pydantic"):
        return _refusal(mode, await request.json())
    if mode in _ANSWERS:
        return web.json_response(_ANSWERS[mode](respond, await request.json()))
    if mode in _STATUS:
        status, body, headers = _STATUS[mode]
        text = body.replace("{key}", request.headers.get("Authorization", ""))
        return web.Response(status=status, text=text, headers=headers, content_type="application/json")
    if mode in _BODIES:
        content_type, text = _BODIES[mode]
        return web.Response(text=text, content_type=content_type)
    return await _on_the_wire(mode, request)


def _refusal(mode: str, body: Mapping[str, Any]) -> web.Response | None:
    """The answer to the first field that is unknown; None where all are known."""
    options = body.get("stream_options") or {}
    unknown = [name for name in body if name not in _KNOWN]
    unknown += [f"stream_options.{name}" for name in options if name != "include_usage"]
    if not unknown:
        return None
    if mode == "strict":
        message = f"Unrecognized request argument supplied: {unknown[0]}"
        return web.json_response({"error": {"message": message}}, status=400)
    place = ["body", *unknown[0].split(".")]
    detail = {"type": "extra_forbidden", "loc": place, "msg": "Extra inputs are not permitted"}
    return web.json_response({"detail": [detail]}, status=422)


def _without_content(respond: Respond, body: Mapping[str, Any]) -> dict[str, Any]:
    return _edited(respond(None), content=None)


def _reasoning_only(respond: Respond, body: Mapping[str, Any]) -> dict[str, Any]:
    return _edited(respond(None), content=None, reasoning_content="I think, and think again.")


def _thinking(respond: Respond, body: Mapping[str, Any]) -> dict[str, Any]:
    answer = respond(None)
    content = answer["choices"][0]["message"]["content"]
    return _edited(answer, content=f"<think>\nSo it is.\n</think>\n\n{content}")


def _truncated(respond: Respond, body: Mapping[str, Any]) -> dict[str, Any]:
    answer = respond(None)
    content = answer["choices"][0]["message"]["content"]
    answer["choices"][0]["finish_reason"] = "length"
    return _edited(answer, content=content[: len(content) // 2])


def _off_menu(respond: Respond, body: Mapping[str, Any]) -> dict[str, Any]:
    schema = (body.get("response_format") or {}).get("json_schema", {}).get("schema")
    return _edited(respond(None), content=OFF_MENU) if schema is None else respond(_without_menus(schema))


def _two_verdicts(respond: Respond, body: Mapping[str, Any]) -> dict[str, Any]:
    answer = respond(None)
    schema = (body.get("response_format") or {}).get("json_schema", {}).get("schema")
    first = answer["choices"][0]["message"]["content"]
    menus = _menus(schema) if schema is not None else [["Yes", "No"]]
    second = first
    for menu in menus:
        for index, option in enumerate(menu):
            if (quoted := json.dumps(option)) in first or first == option:
                other = menu[index - 1]
                second = json.dumps(other) if first == option else second.replace(quoted, json.dumps(other))
                break
    return _edited(answer, content=f"{first}\n{second}")


def _no_usage(respond: Respond, body: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in respond(None).items() if name != "usage"}


def _edited(answer: dict[str, Any], **message: Any) -> dict[str, Any]:
    for choice in answer["choices"]:
        choice["message"] |= message
    return answer


def _without_menus(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_without_menus(part) for part in schema]
    if not isinstance(schema, Mapping):
        return schema
    if "enum" in schema:
        return {"const": OFF_MENU}
    return {name: _without_menus(part) for name, part in schema.items()}


def _menus(schema: Any) -> list[list[Any]]:
    if isinstance(schema, list):
        return [menu for part in schema for menu in _menus(part)]
    if not isinstance(schema, Mapping):
        return []
    if isinstance(schema.get("enum"), list) and len(schema["enum"]) > 1:
        return [schema["enum"]]
    return [menu for part in schema.values() for menu in _menus(part)]


async def _on_the_wire(mode: str, request: web.Request) -> web.StreamResponse:
    if mode == "hang":
        await asyncio.Event().wait()
    transport = request.transport
    if mode == "close":
        if transport is not None:
            transport.abort()
        return web.Response()
    headers = {"Content-Type": "application/json"}
    if mode == "compressed":
        packed = gzip.compress(b'{"choices":"' + b"x" * HUGE_BYTES + b'"}')
        return web.Response(body=packed, headers=headers | {"Content-Encoding": "gzip"})
    response = web.StreamResponse(headers=headers)
    await response.prepare(request)
    if mode == "close_midway":
        await response.write(b'{"choices": [')
        if transport is not None:
            transport.abort()
    elif mode == "drip":
        while True:
            await response.write(b" ")
            await asyncio.sleep(DRIP_SECONDS)
    elif mode == "huge":
        for _ in range(HUGE_BYTES // 1_000_000):
            await response.write(b" " * 1_000_000)
    return response


_ANSWERS: dict[str, Callable[[Respond, Mapping[str, Any]], dict[str, Any]]] = {
    "content_none": _without_content,
    "reasoning_only": _reasoning_only,
    "thinking": _thinking,
    "truncated": _truncated,
    "off_menu": _off_menu,
    "two_verdicts": _two_verdicts,
    "no_usage": _no_usage,
}
_KNOWN = frozenset(
    {"model", "messages", "max_tokens", "temperature", "seed", "n", "logprobs", "top_logprobs", "stop"}
    | {"response_format", "tools", "tool_choice", "stream", "stream_options"}
)
_TOO_LONG = "This model's maximum context length is 10 tokens. However, you requested 99 tokens."
_STATUS: dict[str, tuple[int, str, dict[str, str]]] = {
    "error_429": (429, '{"error": {"message": "slow down"}}', {"Retry-After": "0"}),
    "error_429_later": (429, '{"error": {"message": "slow down"}}', {"Retry-After": "3600"}),
    "error_500": (500, '{"error": {"message": "broken"}}', {}),
    "error_503": (503, "", {}),
    "error_503_later": (503, '{"error": {"message": "come back later"}}', {"Retry-After": "3600"}),
    "unauthorized": (401, '{"error": {"message": "wrong key: {key}"}}', {}),
    "context_length": (400, json.dumps({"error": {"message": _TOO_LONG}}), {}),
    "bad_request": (400, '{"error": {"message": "no such parameter"}}', {}),
    "redirect": (307, "", {"Location": "http://127.0.0.1:9/v1/chat/completions"}),
}
_BODIES: dict[str, tuple[str, str]] = {
    "not_json": ("text/html", "<html>busy</html>"),
    "broken_json": ("application/json", '{"choices": [{"message"'),
    "deep_json": ("application/json", "[" * 100_000),
    "wrong_shape": ("application/json", '{"choices": "none", "usage": {"prompt_tokens": 5}}'),
    "no_choices": ("application/json", '{"choices": [], "usage": {"prompt_tokens": 5}}'),
    "wrong_types": (
        "application/json",
        '{"choices": [{"message": {"content": 7}}], "usage": {"prompt_tokens": 5, "completion_tokens": "x"}}',
    ),
}
