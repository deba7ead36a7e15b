"""Reads which models a jury may be of, from the TOML file that JUDGE_JURY names, and opens them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from judge_agent.errors import InvalidRequest
from judge_agent.models.openai_chat import OpenAIChatModel
from judge_agent.models.plain_urls import REASON, is_plain
from judge_agent.schema.refusals import message_of
from judge_agent.seams.model import ChatModel

SETTING = "JUDGE_JURY"
OWN = "own"


class _Seat(BaseModel):
    """A model at an OpenAI-compatible server: what JUDGE_MODEL_URL, JUDGE_MODEL_NAME and so on are of the judge's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: Annotated[str, Field(pattern=r"^https?://")]
    name: str | None = None
    api_key: SecretStr | None = None
    images: bool | None = None
    reasoning: bool | None = None
    logprobs: bool | None = None
    context_window: Annotated[int, Field(ge=256)] | None = None

    @field_validator("url")
    @classmethod
    def _url_is_plain(cls, value: str) -> str:
        if not is_plain(value):
            raise ValueError(f"{REASON}, and give it as api_key")
        return value


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    models: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,31}$")], _Seat]


def jury_models(path: Path | None, max_connections: int) -> Mapping[str, ChatModel]:
    """The models of the file by name, none without one. Raises InvalidRequest that names what is wrong in it.

    The name `own` is that of the service's own model.
    """
    if path is None:
        return {}
    try:
        read = _File.model_validate(tomllib.loads(path.read_text("utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidRequest(SETTING, f"{str(path)!r} cannot be read: {error}") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise InvalidRequest(SETTING, f"{path.name}: {where}: {message_of(first)}") from None
    if OWN in read.models:
        raise InvalidRequest(
            SETTING, f"{path.name}: models.{OWN}: is the service's own model; use another name"
        )
    return {name: _opened(seat, max_connections) for name, seat in read.models.items()}


def _opened(seat: _Seat, max_connections: int) -> ChatModel:
    return OpenAIChatModel(
        seat.url,
        seat.name,
        seat.api_key.get_secret_value() if seat.api_key else None,
        context_window=seat.context_window,
        max_connections=max_connections,
        images=seat.images,
        reasoning=seat.reasoning,
        logprobs=seat.logprobs,
    )
