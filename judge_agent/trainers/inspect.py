"""Inspect AI 0.3: a scorer that has the judge service score samples, by dimension.

    Task(dataset=..., solver=..., scorer=judged(recipe="default", dimensions=["correctness", "process"]))

The value of a score is `{"reward": ..., <dimension>: ...}`, each in [0, 1], NaN for a dimension that was not judged. A
sample whose judge failed is unscored (NaN at the root, with a reason): Inspect leaves it out of every metric and counts
it. The key is JUDGE_API_KEY, so that it is in no log. The model's reasoning is not shown to the judge.

A log is scored again by `inspect score LOG --scorer judge_agent/judged -S recipe=default`: without `--scorer` Inspect
looks for a scorer by the name that its log holds, which lacks the package.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from judge_agent.errors import InvalidRequest
from judge_agent.trainers.outcome import Outcome
from judge_agent.trainers.rollout import Asking
from judge_agent.trainers.rollout_judge import SECONDS, RolloutJudge
from judge_agent.trainers.sample_reading import rollout_of_sample

try:
    import anyio.to_thread
    import sniffio
    from inspect_ai.scorer import (  # type: ignore[import-not-found]
        Score,
        Scorer,
        Target,
        mean,
        scorer,
        stderr,
    )
    from inspect_ai.solver import TaskState  # type: ignore[import-not-found]
    from inspect_ai.tool import ToolDef  # type: ignore[import-not-found]
except ImportError as error:
    raise ImportError(
        "judge_agent.trainers.inspect needs inspect_ai: pip install 'inspect-ai>=0.3.285,<0.4'"
    ) from error

__all__ = ["judged"]

# Inspect tells a grader that failed from a scorer that could not run: here nothing was there to judge by.
_COULD_NOT_RUN = frozenset(
    ("no_evidence", "rollout_invalid", "judge_refused", "input_too_large", "evidence_unsupported")
)


@scorer(metrics={"*": [mean(), stderr()]})  # type: ignore[untyped-decorator]
def judged(
    url: str | None = None,
    recipe: str = "default",
    dimensions: Sequence[str] | None = None,
    columns: Mapping[str, str] | None = None,
    principles: Sequence[Mapping[str, Any]] | None = None,
    tools: Sequence[str] | None = None,
    steps: bool = False,
    pass_threshold: float | None = None,
    samples: int | None = None,
    seed: int = 0,
    seconds: float = SECONDS,
    retry_seconds: float = 30.0,
) -> Any:
    """Make the scorer; `url` is the service, else JUDGE_URL, and what is None is the recipe's.

    `columns` says which key of the sample's metadata holds which field of the reference (see `Asking.columns`);
    `target` names the sample's target, which is the answer unless `columns` says otherwise. Raises nothing for a
    sample: what fails is unscored, `grader_failed` or `scoring_failed`. Raises InvalidRequest for a setting that cannot
    be meant.
    """
    if "reward" in (dimensions or ()):
        raise InvalidRequest(
            "dimensions", "'reward' is the name of the whole; call the dimension something else"
        )
    judge = RolloutJudge(
        url,
        asking=Asking(
            recipe=recipe,
            dimensions=dimensions,
            columns=columns if columns is None else {"agent_tools": "agent_tools", **columns},
            principles=principles,
            tools=tools,
            granularity=("outcome", "steps") if steps else None,
            pass_threshold=pass_threshold,
            samples=samples,
            seed=seed,
        ),
        seconds=seconds,
        retry_seconds=retry_seconds,
    )

    async def score(state: TaskState, target: Target) -> Score:
        rollout = rollout_of_sample(state, tuple(target), [ToolDef(tool) for tool in state.tools])
        if sniffio.current_async_library() == "asyncio":
            (outcome,) = await judge.outcomes([rollout])
        else:
            (outcome,) = await anyio.to_thread.run_sync(judge.outcomes_now, [rollout], abandon_on_cancel=True)
        return _score(outcome, state.output.completion)

    checked: Scorer = score
    return checked


def _score(outcome: Outcome, answer: str) -> Score:
    about = {
        "judgment_id": outcome.judgment_id,
        "status": outcome.status,
        "passed": outcome.passed,
        "judge_score": outcome.score,
        "failure_kind": outcome.failure_kind,
        "failure_reason": outcome.failure_reason,
        "vector": dict(outcome.vector),
        "steps": list(outcome.steps),
        "flags": dict(outcome.flags),
        "judge_tokens": outcome.tokens,
    }
    if outcome.reward is None:
        return Score.unscored(
            reason="scoring_failed" if outcome.failure_kind in _COULD_NOT_RUN else "grader_failed",
            answer=answer,
            explanation=f"{outcome.failure_kind}: {outcome.failure_reason}\n{outcome.explanation}".rstrip(),
            metadata=about,
        )
    vector = {name: float("nan") if value is None else value for name, value in outcome.vector.items()}
    return Score(
        value={**vector, "reward": outcome.reward},
        answer=answer,
        explanation=outcome.explanation,
        metadata=about,
    )
