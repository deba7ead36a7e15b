"""What the service needs of a judge, as a Protocol, and the records it writes for it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from pydantic import BaseModel
from pydantic_core import PydanticSerializationError

from judge_agent.schema import CandidateResult, Judgment, JudgmentRequest


class Judging(Protocol):
    """What the service needs of a judge; `judge_agent.judge.Judge` is one."""

    def check(self, request: JudgmentRequest) -> None: ...

    async def judge(
        self,
        request: JudgmentRequest,
        *,
        judgment_id: str,
        tenant: str,
        created: float,
        elapsed_seconds: float = 0.0,
        resumed: bool = False,
    ) -> Judgment: ...

    def recipes(self) -> Sequence[Mapping[str, Any]]: ...

    def tools(self) -> Sequence[Mapping[str, Any]]: ...

    async def ready(self) -> Mapping[str, Any]: ...


def to_json(record: BaseModel) -> str:
    """Write a record as JSON that every reader takes.

    Text that is no Unicode (a program under test printed half a character) would stop the writer, and the
    judgment with it: such characters become `?`.
    """
    try:
        return record.model_dump_json()
    except (PydanticSerializationError, UnicodeEncodeError):
        dumped = record.model_dump(mode="python")
        text = json.dumps(dumped, ensure_ascii=False, default=str)
        return text.encode("utf-8", "replace").decode()


def unscored(request: str, judgment_id: str, *, created: float, seconds: float, reason: str) -> Judgment:
    """The end of a judgment that broke the judge itself: every candidate unscored, `internal`."""
    data = json.loads(request)
    failed = tuple(
        CandidateResult(
            id=candidate["id"],
            status="unscored",
            failure_kind="internal",
            failure_reason=reason[:1000],
            vector=dict.fromkeys(data.get("dimensions") or ()),
        )
        for candidate in data["candidates"]
    )
    return Judgment(
        id=judgment_id,
        state="done",
        created=created,
        seconds=seconds,
        metadata=data.get("metadata") or {},
        candidates=failed,
    )
