"""slime's remote reward model: `--rm-type remote_rm --rm-url http://host:8800/compat/slime --reward-key score`.

Source: slime, `slime/rollout/rm_hub/__init__.py`. Its client sends one sample a post, gives up after 120 s, tries ten
times and then ends the run. The answer becomes `sample.reward`, of which `--reward-key` names the number to train on.
It cannot mask over HTTP (`judge_agent.trainers.slime` can): where the judge failed the numbers are the group's mean so
far, and `judge_failed` is 1.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from api.auth import Calling
from api.compat.answers import flat
from api.compat.asking import Wanted
from api.compat.decoded import with_opened_thought
from api.compat.query import read_how
from api.compat.serving import RESPONSES, Sent, documented, parts_of, read_sent
from api.compat.settling import ask_and_settle

router = APIRouter(tags=["trainers"])
_EXAMPLE = {"prompt": "What is 2+2?", "response": "It is 4.", "label": "4"}


class Sample(Sent):
    """One sample. `prompt` is text or chat messages."""

    prompt: str | list[dict[str, Any]]
    response: str
    label: Any = None


@router.post(
    "",
    response_model=dict[str, float],
    responses=RESPONSES,
    openapi_extra=documented(Sample, _EXAMPLE),
)
async def slime(request: Request, caller: Calling) -> dict[str, float]:
    """Judge one sample for slime: `score`, `judge_failed`, then the dimensions, always under the same keys."""
    parts = parts_of(request)
    how = read_how(request, parts.settings.max_judgment_seconds)
    sent = await read_sent(request, Sample)
    [(told, settled)] = await ask_and_settle([_wanted(sent)], how, parts, caller)
    return {"score": settled.reward, **flat(told, settled.values)}


def _wanted(sent: Sample) -> Wanted:
    field = "prompt" if isinstance(sent.prompt, str) else "messages"
    text = with_opened_thought(sent.prompt, sent.response) if isinstance(sent.prompt, str) else sent.response
    return Wanted(
        "slime",
        {field: sent.prompt},
        [{"id": "a", "trajectory": {"text": text}}],
        sent.label,
        places={f"task.{field}": "prompt", "task.prompt": "prompt", "candidates.0": "response"},
    )
