"""The likelihood of a given answer on a server that tells the log-probabilities of a prompt: vLLM.

The server's own chat template and tokenizer make the tokens of the chat, the answer's are put behind them, and
one completion of that prompt is asked for. `echo` is not used: some servers answer it with wrong numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from judge_agent.errors import ModelError
from judge_agent.models.openai_connection import OpenAIConnection
from judge_agent.models.openai_reading import read_logprob
from judge_agent.models.openai_wire import request_body
from judge_agent.seams.model import ChatMessage, Choice, Completion, TokenLogprob, TokenUsage


async def likelihood(
    connection: OpenAIConnection,
    model: str,
    messages: Sequence[ChatMessage],
    continuation: str,
    extra: Mapping[str, Any],
    seconds: float,
) -> Completion:
    """Return the continuation with its tokens. Raises ModelError, model_error where the server cannot tell."""
    chat = {**extra, "messages": request_body(messages)["messages"], "add_generation_prompt": True}
    prompt = await _tokens(connection, {**chat, "model": model}, seconds)
    text = continuation.encode("utf-8", "replace").decode()
    answer = await _tokens(connection, {"model": model, "prompt": text, "add_special_tokens": False}, seconds)
    if not answer:
        return Completion((Choice(continuation),), TokenUsage(), model)
    body = {
        "model": model,
        "prompt": [*prompt, *answer],
        "max_tokens": 1,
        "prompt_logprobs": 1,
        "temperature": 0,
    }
    data, attempts = await connection.send("POST", "/completions", body, seconds)
    try:
        listed = data["choices"][0]["prompt_logprobs"]
        if len(listed) != len(prompt) + len(answer):
            raise ValueError(f"{len(listed)} numbers for {len(prompt) + len(answer)} tokens")
        places = zip(answer, listed[len(prompt) :], strict=True)
        tokens = tuple(_token(token, place) for token, place in places)
    except (TypeError, KeyError, ValueError, AttributeError, IndexError) as error:
        message = (
            f"the model server does not tell prompt_logprobs, which likelihoods need ({error!r}); vLLM does"
        )
        raise ModelError("model_error", message[:500], attempts=attempts) from error
    usage = TokenUsage(prompt=len(listed), completion=1)
    return Completion((Choice(continuation, logprobs=tokens),), usage, model, attempts=attempts)


async def _tokens(connection: OpenAIConnection, body: Mapping[str, Any], seconds: float) -> list[int]:
    try:
        data, _ = await connection.send("POST", connection.server_url + "/tokenize", body, seconds)
    except ModelError as error:
        if error.failure_kind != "model_error":
            raise
        raise _no_tokens(str(error)) from error
    tokens = data.get("tokens") if isinstance(data, Mapping) else None
    if not isinstance(tokens, list) or not all(isinstance(token, int) for token in tokens):
        raise _no_tokens(str(data)[:200])
    return tokens


def _no_tokens(said: str) -> ModelError:
    return ModelError("model_error", f"the model server has no /tokenize, which likelihoods need: {said}")


def _token(token: int, place: Mapping[str, Any]) -> TokenLogprob:
    """One place of the prompt, where the server lists the token itself and the likeliest ones by their ids."""
    entries = [(str(entry.get("decoded_token")), read_logprob(entry["logprob"])) for entry in place.values()]
    own = place[str(token)]
    top = tuple(sorted(entries, key=lambda entry: -entry[1]))
    return TokenLogprob(str(own.get("decoded_token")), read_logprob(own["logprob"]), top)
