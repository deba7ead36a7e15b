"""What the model may ask of `check_text`: the checks of the schema, without the ones that need more than words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from judge_agent.schema.refusals import message_of
from judge_agent.schema.text_checks import CheckKind, TextChecks

_Count = Annotated[int, Field(ge=0, strict=False)]
_Wording = Annotated[str, Field(min_length=1, max_length=500)]


class AskedCheck(BaseModel):
    """One check: its name, and what it takes."""

    model_config = ConfigDict(extra="forbid", strict=True)
    check: CheckKind
    min: _Count | None = None
    max: _Count | None = None
    exactly: _Count | None = None
    texts: Annotated[list[_Wording], Field(max_length=20)] | None = None
    pattern: Annotated[str, Field(max_length=500)] | None = None
    language: Annotated[str, Field(max_length=3)] | None = None
    decimals: _Count | None = None
    nth: Annotated[int, Field(ge=1, strict=False)] | None = None
    case: Literal["ignore", "exact"] | None = None


def wanted(asked: Sequence[AskedCheck], text: str) -> TextChecks:
    """The checks, all of one text. Raises ValueError for one that lacks what it needs."""
    listed = [{**one.model_dump(exclude_none=True), "text": text} for one in asked]
    try:
        return TextChecks.model_validate({"checks": listed})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise ValueError(f"{'.'.join(map(str, first['loc']))}: {message_of(first)}") from None
