"""OpenRLHF's remote reward model: `--reward.remote_url http://host:8800/compat/openrlhf/get_reward?recipe=...`.

Source: OpenRLHF 0.11.2, `openrlhf/utils/agent.py`. Its client sends one rollout a post, no headers, gives up after
180 s, tries five times, and drops the rollout's reward (which ends the run) where it got none. It cannot mask: where
the judge failed the numbers are the group's mean so far, and `extra_logs.judge_failed` is 1.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from api.auth import Tenant
from api.compat.answers import flat
from api.compat.asking import Wanted, ask
from api.compat.query import read_how
from api.compat.serving import RESPONSES, Sent, documented, fallbacks_of, parts_of, read_sent
from api.problems import invalid

router = APIRouter(tags=["trainers"])
MAX_ROLLOUTS = 64
# What tokenizers write at the end of a turn, kept in the query: `<|im_end|>`, `</s>`, `<eos>`, padding.
_END = re.compile(r"(?:\s*(?:<\|[A-Za-z0-9_ -]{1,40}\|>|</s>|<eos>|<pad>|\[PAD\]|<end_of_turn>))+\s*\Z")
_MIN_SHARED_CHARS = 16
_EXAMPLE = {"query": ["What is 2+2? It is 4."], "prompts": ["What is 2+2?"], "labels": ["4"]}
Texts = Annotated[list[str], Field(min_length=1, max_length=MAX_ROLLOUTS)]


class GetReward(Sent):
    """Rollouts side by side. `query` is prompt and response as the policy's tokenizer decodes them."""

    query: Texts
    prompts: Texts
    labels: Annotated[list[Any], Field(max_length=MAX_ROLLOUTS)] | None = None


class Rewards(BaseModel):
    """Numbers for one rollout, lists of them for several. `rewards` feed the advantage, `scores` (0 to 1) filters."""

    rewards: float | list[float]
    scores: float | list[float]
    extra_logs: dict[str, float | list[float]]


@router.post(
    "/openrlhf/get_reward",
    response_model=Rewards,
    responses=RESPONSES,
    openapi_extra=documented(GetReward, _EXAMPLE),
)
async def get_reward(request: Request, tenant: Tenant) -> Rewards:
    """Judge rollouts for OpenRLHF. Labels are references; the keys of `extra_logs` are always the same."""
    parts = parts_of(request)
    how = read_how(request, parts.settings.max_judgment_seconds)
    sent = await read_sent(request, GetReward)
    labels = sent.labels if sent.labels is not None else [None] * len(sent.query)
    if not len(sent.query) == len(sent.prompts) == len(labels):
        detail = f"holds {len(sent.query)}, prompts {len(sent.prompts)}, labels {len(labels)}"
        raise invalid("query", f"{detail}: each rollout needs one of each", limit="lists of one length")
    splits = [_response(query, prompt) for query, prompt in zip(sent.query, sent.prompts, strict=True)]
    wanted = [
        _wanted(index, prompt, response, label)
        for index, (prompt, (response, _), label) in enumerate(zip(sent.prompts, splits, labels, strict=True))
    ]
    answered = await ask(wanted, how, parts, tenant)
    settled, logs = [], []
    for (prepared, (told,)), (_, was_found) in zip(answered, splits, strict=True):
        settled.append(fallbacks_of(request).settle(tenant, prepared.group, told, how.on_failure))
        logs.append({**flat(told, settled[-1].values), "prompt_in_query": float(was_found)})
    if len(settled) == 1:
        one = settled[0]
        return Rewards(rewards=one.reward, scores=one.score, extra_logs={**logs[0]})
    return Rewards(
        rewards=[one.reward for one in settled],
        scores=[one.score for one in settled],
        extra_logs={key: [log.get(key, 0.0) for log in logs] for log in logs for key in log},
    )


def _wanted(index: int, prompt: str, response: str, label: Any) -> Wanted:
    return Wanted(
        "openrlhf",
        {"prompt": prompt},
        [{"id": "a", "trajectory": {"text": response}}],
        label,
        f"labels.{index}",
        places={"task.prompt": f"prompts.{index}", "candidates.0": f"query.{index}"},
    )


def _response(query: str, prompt: str) -> tuple[str, bool]:
    """What the policy wrote, and whether its prompt was found before it.

    The decoded query may begin with a token of its own, or have lost the beginning of a long prompt. Where the
    prompt is not there, all of the query is judged.
    """
    at = query.find(prompt)
    if at >= 0:
        return _END.sub("", query[at + len(prompt) :]), True
    shared = _tail_in_front(query, prompt)
    return _END.sub("", query[shared:]), shared > 0


def _tail_in_front(query: str, prompt: str) -> int:
    """How long the longest end of the prompt is that the query begins with; 0 for less than 16 characters."""
    head = query[:_MIN_SHARED_CHARS]
    at = prompt.find(head) if len(head) == _MIN_SHARED_CHARS else -1
    while at >= 0:
        tail = prompt[at:]
        if query.startswith(tail):
            return len(tail)
        at = prompt.find(head, at + 1)
    return 0
