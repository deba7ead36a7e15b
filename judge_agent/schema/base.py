"""The two base models of every border type: strict envelopes, lenient messages."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, FiniteFloat

Score = Annotated[FiniteFloat, Field(ge=0.0, le=1.0)]


def _no_number(value: object) -> object:
    """Refuse `true` and `"1"` as numbers, which would be read as 1; `1.0` is a whole number in JSON."""
    if isinstance(value, (bool, str)):
        raise ValueError("must be a whole number")
    return value


# What a caller sends as a number or a truth value must be one: a guess would change a reward in silence.
Whole = Annotated[int, BeforeValidator(_no_number)]
Number = Annotated[FiniteFloat, Field(strict=True)]
Truth = Annotated[bool, Field(strict=True)]
Name = Annotated[str, Field(min_length=1, max_length=128)]


class Envelope(BaseModel):
    """Our own fields: an unknown one is an error, so that a typo never changes a reward in silence."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Lenient(BaseModel):
    """What other people's clients send (`refusal`, `annotations`): kept, and counted as ignored."""

    model_config = ConfigDict(frozen=True, extra="allow", allow_inf_nan=False)
