"""What a supervised vLLM is to serve, and how patiently it is waited for."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from judge_agent.models.vllm_arguments import HOST
from judge_agent.models.vllm_refusals import check_extra

OWN_PREFIX = "JUDGE_"


@dataclass(frozen=True)
class VllmSettings:
    """One served model.

    `program` is the file that starts vLLM; `environment` is laid over this process's. `start_seconds` bounds one
    start, downloads included. After `max_restarts` within `restart_window_seconds` it is not started again. A
    server that lives but leaves `max_missed` probes of `/health` unanswered, `probe_seconds` apart, counts as dead.
    """

    model: str
    log_file: Path
    program: str = "vllm"
    served_name: str | None = None
    revision: str | None = None
    max_model_len: int | None = None
    extra_arguments: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    start_seconds: float = 1800.0
    stop_seconds: float = 10.0
    max_restarts: int = 5
    restart_window_seconds: float = 600.0
    first_pause_seconds: float = 1.0
    probe_seconds: float = 10.0
    max_missed: int = 6

    def __post_init__(self) -> None:
        """Raise ValueError for extra arguments that are refused, before anything is started."""
        check_extra(self.extra_arguments)


def inherited_environment(settings: VllmSettings) -> dict[str, str]:
    """This process's environment without the service's own settings, which hold keys."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OWN_PREFIX)}
    return kept | dict(settings.environment)


def server_environment(settings: VllmSettings, *, api_key: str, is_local: bool) -> dict[str, str]:
    """The environment of vLLM: its key, no reports to anyone, no hub for a model that lies in a folder.

    The program's own folder comes first on the path: kernels that are compiled at the start need the ninja there.
    """
    inherited = inherited_environment(settings)
    folder = str(Path(settings.program).parent)
    path = os.pathsep.join(filter(None, (folder if folder != "." else "", inherited.get("PATH", ""))))
    defaults = {
        "VLLM_NO_USAGE_STATS": "1",
        "DO_NOT_TRACK": "1",
        "VLLM_LOGGING_COLOR": "0",
        "VLLM_HOST_IP": HOST,
    }
    offline = {"HF_HUB_OFFLINE": "1"} if is_local else {}
    return defaults | inherited | offline | {"PATH": path, "VLLM_API_KEY": api_key}
