"""The records that the service writes by itself: JSON that every reader takes, and ends that no judge gave."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticSerializationError

from judge_agent.schema import CandidateResult, Judgment


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
    data = _read(request)
    failed = tuple(
        CandidateResult(
            id=str(candidate.get("id")),
            status="unscored",
            failure_kind="internal",
            failure_reason=reason[:1000],
            vector=dict.fromkeys(data.get("dimensions") or ()),
        )
        for candidate in data.get("candidates") or ()
        if isinstance(candidate, dict)
    )
    return Judgment(
        id=judgment_id,
        state="done",
        created=created,
        seconds=seconds,
        metadata=data.get("metadata") or {},
        candidates=failed,
    )


def _read(request: str) -> dict[str, Any]:
    """The request's JSON; a row that was damaged still gets its end, without candidates."""
    try:
        data = json.loads(request)
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}
