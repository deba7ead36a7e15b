"""Evaluations of Inspect with its mock model, scored by a judge."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from inspect_ai import Task
from inspect_ai import eval as run_eval
from inspect_ai.dataset import Sample
from inspect_ai.log import EvalLog
from inspect_ai.model import ModelOutput, ModelUsage, get_model
from inspect_ai.scorer import Score
from inspect_ai.solver import Solver, generate

from judge_agent.trainers.inspect import judged

DIMENSIONS = ["correctness", "process"]
# Where the mock model does not say what it used, Inspect fetches a tokenizer to count it.
USED = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)


def evaluated(
    folder: Path,
    url: str | None,
    outputs: Sequence[str | ModelOutput],
    samples: Sequence[Sample] | None = None,
    *,
    solver: Solver | list[Solver] | None = None,
    epochs: int = 1,
    fail_on_error: bool = True,
    **scorer: Any,
) -> EvalLog:
    """Run it as `inspect eval` does; one sample per output unless there are others."""
    answers = [
        one if isinstance(one, ModelOutput) else ModelOutput.from_content("mockllm/model", one)
        for one in outputs
    ]
    given = {"recipe": "verify", "dimensions": DIMENSIONS, "seconds": 20.0, "retry_seconds": 0.2, **scorer}
    task = Task(
        dataset=list(samples or [Sample(input="2+2?", target="4") for _ in outputs]),
        solver=solver or generate(),
        scorer=judged(url, **given),
    )
    (log,) = run_eval(
        task,
        model=get_model(
            "mockllm/model", custom_outputs=[one.model_copy(update={"usage": USED}) for one in answers]
        ),
        log_dir=str(folder),
        display="none",
        epochs=epochs,
        max_samples=1,
        fail_on_error=fail_on_error,
    )
    return log


def scores_of(log: EvalLog) -> list[Score]:
    assert log.status == "success", log.error
    return [next(iter((sample.scores or {}).values())) for sample in log.samples or []]


def metric(log: EvalLog, name: str, kind: str = "mean") -> float:
    assert log.results is not None
    (found,) = [score for score in log.results.scores if score.name == name]
    return float(found.metrics[kind].value)
