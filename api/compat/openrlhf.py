"""OpenRLHF's remote reward model: `--reward.remote_url http://host:8800/compat/openrlhf/get_reward?recipe=...`.

Source: OpenRLHF 0.11.2, `openrlhf/utils/agent.py`. Its client sends one rollout a post, no headers, gives up after
180 s, tries five times, and drops the rollout's reward (which ends the run) where it got none. It cannot mask: where
the judge failed the numbers are the group's mean so far, and `extra_logs.judge_failed` is 1.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from api.auth import Calling
from api.compat.answers import flat
from api.compat.asking import Wanted
from api.compat.decoded import response_of, with_opened_thought
from api.compat.failing import Settled
from api.compat.query import read_how
from api.compat.serving import RESPONSES, Sent, documented, parts_of, read_sent
from api.compat.settling import ask_and_settle
from api.problems import invalid

router = APIRouter(tags=["trainers"])
MAX_ROLLOUTS = 64
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
    "/get_reward",
    response_model=Rewards,
    responses=RESPONSES,
    openapi_extra=documented(GetReward, _EXAMPLE),
)
async def get_reward(request: Request, caller: Calling) -> Rewards:
    """Judge rollouts for OpenRLHF. Labels are references; the keys of `extra_logs` are always the same."""
    parts = parts_of(request)
    how = read_how(request, parts.settings.max_judgment_seconds)
    sent = await read_sent(request, GetReward)
    labels = sent.labels if sent.labels is not None else [None] * len(sent.query)
    if not len(sent.query) == len(sent.prompts) == len(labels):
        detail = f"holds {len(sent.query)}, prompts {len(sent.prompts)}, labels {len(labels)}"
        raise invalid("query", f"{detail}: each rollout needs one of each", limit="lists of one length")
    splits = [response_of(query, prompt) for query, prompt in zip(sent.query, sent.prompts, strict=True)]
    wanted = [
        _wanted(index, prompt, response, label)
        for index, (prompt, (response, _), label) in enumerate(zip(sent.prompts, splits, labels, strict=True))
    ]
    answered = await ask_and_settle(wanted, how, parts, caller)
    settled = [one for _, one in answered]
    logs = [
        {**flat(told, one.values), "prompt_in_query": float(was_found)}
        for (told, one), (_, was_found) in zip(answered, splits, strict=True)
    ]
    if len(settled) == 1:
        one = settled[0]
        return Rewards(rewards=one.reward, scores=one.score, extra_logs={**logs[0]})
    return Rewards(
        rewards=[one.reward for one in settled],
        scores=[one.score for one in settled],
        extra_logs={
            key: [log.get(key, _lacking(key, one)) for log, one in zip(logs, settled, strict=True)]
            for key in dict.fromkeys(key for log in logs for key in log)
        },
    )


def _lacking(key: str, settled: Settled) -> float:
    """What a rollout shows of a dimension that only another one's label has: its own score, which is none of it."""
    return 1.0 if key.endswith("_missing") else settled.score


def _wanted(index: int, prompt: str, response: str, label: Any) -> Wanted:
    return Wanted(
        "openrlhf",
        {"prompt": prompt},
        [{"id": "a", "trajectory": {"text": with_opened_thought(prompt, response)}}],
        label,
        f"labels.{index}",
        places={"task.prompt": f"prompts.{index}", "candidates.0": f"query.{index}"},
    )
