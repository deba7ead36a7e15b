"""The two base models of every border type: strict envelopes, lenient messages."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

Score = Annotated[FiniteFloat, Field(ge=0.0, le=1.0)]
Name = Annotated[str, Field(min_length=1, max_length=128)]


class Envelope(BaseModel):
    """Our own fields: an unknown one is an error, so that a typo never changes a reward in silence."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Lenient(BaseModel):
    """What other people's clients send (`refusal`, `annotations`): kept, and counted as ignored."""

    model_config = ConfigDict(frozen=True, extra="allow", allow_inf_nan=False)
