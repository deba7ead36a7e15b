"""What a judgment has cost the key that it came by, in tokens of the model."""

from __future__ import annotations

from judge_agent.call_results import tokens_of
from judge_agent.schema import Judgment
from judge_agent.store import Store


async def cost_of(store: Store, judgment: Judgment) -> int:
    """Return its tokens, prompt and completion. What it took from others' calls cost others. Raises StoreError.

    One that was called off, or broke, tells no usage: then the calls that it had finished are counted.
    """
    told = judgment.usage.prompt_tokens + judgment.usage.completion_tokens
    is_broken = any(candidate.failure_kind == "internal" for candidate in judgment.candidates)
    if judgment.state != "cancelled" and not is_broken:
        return told
    journal = await store.journal.load(judgment.id)
    return max(told, sum(tokens_of(entry.result) for entry in journal.values() if entry.kind == "model"))
