"""Reads which MCP servers the operator allows, from the TOML file that JUDGE_MCP_SERVERS names."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from judge_agent.errors import InvalidRequest
from judge_agent.schema.refusals import message_of
from tools.mcp_servers.connection import Limits, McpServer

SETTING = "JUDGE_MCP_SERVERS"


class _Server(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    tools: Annotated[tuple[str, ...], Field(min_length=1)]
    command: str | None = None
    args: tuple[str, ...] = ()
    env: dict[str, str] = {}
    url: Annotated[str, Field(pattern=r"^https?://")] | None = None
    headers: dict[str, str] = {}
    sees_references: bool = False
    call_seconds: Annotated[float, Field(gt=0, le=600)] = Limits().call_seconds

    @model_validator(mode="after")
    def _one_way(self) -> _Server:
        if (self.command is None) == (self.url is None):
            raise ValueError("a server has either a command or a url")
        return self


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    servers: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")], _Server]


def allowed_servers(path: Path | None) -> tuple[McpServer, ...]:
    """The servers of the file, none without one. Raises InvalidRequest that names what is wrong in it."""
    if path is None:
        return ()
    try:
        read = _File.model_validate(tomllib.loads(path.read_text("utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidRequest(SETTING, f"{str(path)!r} cannot be read: {error}") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise InvalidRequest(SETTING, f"{path.name}: {where}: {message_of(first)}") from None
    return tuple(
        McpServer(
            name=name,
            limits=Limits(call_seconds=one.call_seconds),
            **{
                key: getattr(one, key)
                for key in ("tools", "command", "args", "env", "url", "headers", "sees_references")
            },
        )
        for name, one in read.servers.items()
    )
