"""Starts the vLLM that the settings ask for."""

from __future__ import annotations

import shutil
from pathlib import Path

from api.settings import Settings
from judge_agent.errors import InvalidRequest
from judge_agent.models.vllm_model import VllmModel
from judge_agent.models.vllm_settings import VllmSettings

OWN_PROGRAM = Path(__file__).resolve().parent.parent / ".venvs" / "vllm" / "bin" / "vllm"


async def started_vllm(settings: Settings) -> VllmModel:
    """Start vLLM and wait until it answers.

    Raises InvalidRequest that names the setting, ModelError('model_unreachable') with the end of vLLM's log.
    """
    program = find_program(settings.vllm_program)
    assert settings.vllm_model is not None
    try:
        wanted = VllmSettings(
            settings.vllm_model,
            settings.vllm_log,
            program=program,
            served_name=settings.model_name,
            revision=settings.vllm_revision,
            max_model_len=settings.vllm_max_model_len,
            extra_arguments=settings.vllm_args,
            start_seconds=settings.vllm_start_seconds,
        )
    except ValueError as error:
        raise InvalidRequest("JUDGE_VLLM_ARGS", str(error)) from error
    try:
        return await VllmModel.started(wanted)
    except ValueError as error:
        raise InvalidRequest("JUDGE_VLLM_MODEL", str(error)) from error


def find_program(given: Path | None) -> str:
    """The vllm to start, as a full path: the given one, the checkout's own, or the one on PATH."""
    if given is not None and not shutil.which(given):
        raise InvalidRequest("JUDGE_VLLM_PROGRAM", f"{str(given)!r} is no program that can be started")
    found = shutil.which(given or OWN_PROGRAM) or shutil.which("vllm")
    if found is None:
        raise InvalidRequest(
            "JUDGE_VLLM_PROGRAM", "vLLM is not installed; run `make vllm-venv` or name its program here"
        )
    return str(Path(found).absolute())
