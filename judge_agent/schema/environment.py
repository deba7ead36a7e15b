"""The world that an agent's calls act on, as a request declares it, and the state that it must end in.

Effects are data (`judge_agent/effects`): what each tool does to the records. Nothing of them runs as code.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from types import NoneType
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, field_validator, model_validator
from pydantic.config import JsonDict

from judge_agent.effects.expressions import NotAnExpression, read_expression
from judge_agent.effects.operations import MAX_OPERATIONS, WrongOperation, read_operations
from judge_agent.schema.base import Envelope, Name, Truth
from judge_agent.schema.claims import Claim, refuse_unreadable
from judge_agent.schema.expected_calls import Calls, is_deeper
from judge_agent.schema.files import check_source
from judge_agent.schema.refusals import Refused

MAX_EFFECTS = 200
MAX_EFFECTS_CHARS = 100_000
MAX_CLAIMS = 100
MAX_STATE_DEPTH = 60
MAX_EXPRESSION_CHARS = 2000
MAX_SAID = 100
MAX_ALTERNATIVES = 8
OUTCOME_NAMES = ("observed", "result")
ENDED_NAMES = ("last",)
# Lists are read to their first wrong item: each of a hundred thousand would be an error to keep.
_Text = Annotated[str, Field(min_length=1, max_length=MAX_EXPRESSION_CHARS)]
_Pointer = Annotated[str, Field(max_length=1000, pattern=r"^(/[^\x00]*)?$")]
_Pointers = Annotated[tuple[_Pointer, ...], Field(max_length=200, fail_fast=True)]
_Operations = Annotated[tuple[dict[str, Any], ...], Field(max_length=MAX_OPERATIONS, fail_fast=True)]
_Said = Annotated[str, Field(min_length=1, max_length=1000)]
_AnyOf = Annotated[tuple[_Said, ...], Field(min_length=1, max_length=50, fail_fast=True)]
_SOURCES = ("state", "blob", "root_name", "database")
_FORMS = ("state", "contains", "calls", "queries")
_END_EXAMPLE: JsonDict = {
    "calls": [{"name": "cancel_order", "arguments": {"order_id": "O1"}}],
    "ignore": ["/orders/*/changed_at"],
    "said": ["20"],
}
_EXAMPLE: JsonDict = {
    "state": {"orders": {"O1": {"status": "open", "total": 20}}},
    "effects": {
        "cancel_order": [
            {"require": "args.order_id in state.orders", "else": "no such order"},
            {"set": "state.orders[args.order_id].status", "to": "'cancelled'"},
        ]
    },
    "reads": ["get_order"],
    "failed": "starts_with(observed, 'Error')",
}


class SqlEffect(Envelope):
    """What a tool does to a database: statements with named parameters (`:order_id`; DuckDB takes `$order_id` too),
    which are the call's arguments.

    `require` are queries; where one gives no row, or a first cell that is null, 0 or false, the call fails and leaves
    no effect.
    """

    require: Annotated[tuple[_Text, ...], Field(max_length=20, fail_fast=True)] = ()
    run: Annotated[tuple[_Text, ...], Field(max_length=50, fail_fast=True)] = ()


class Environment(Envelope):
    """The records that the agent's tools read and write, as they were when the trajectory began.

    Exactly one of `state` (a JSON object), `blob` (its SHA-256, uploaded by `POST /v1/blobs`), `root_name` (a file
    under the operator's folder) and `database` (one of `resources.databases`; its effects are SQL). `effects` say by
    tool what a call does, `reads` which tools change nothing. `failed` is true of `observed` (the text of a call's
    result; `result` is the same read as JSON) where the call failed. `outcomes`: whose word it is whether a call took
    effect: the declared effects' (`replayed`), the observation's (`observed`), or both, which must agree (the default
    where `failed` is given). Without either, a call counts by its declared effect where a result was seen that says
    that it did well; only `replayed` takes the declared effect's word without one. A result that is marked as an error
    (`is_error`, `status: "error"` and the like) is one, whatever `failed` says; of several results of a call, all must
    agree. `ended` is true of `last` (the `role`, `text` and tool `name` of the last message) where a trajectory is at
    its end: one that was cut off before may still go wrong, so that it is not confirmed.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    state: dict[str, Any] | None = None
    blob: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    root_name: Annotated[str, Field(min_length=1, max_length=512)] | None = None
    database: Name | None = None
    effects: Annotated[dict[Name, _Operations | SqlEffect], Field(max_length=MAX_EFFECTS)] = {}
    reads: Annotated[tuple[Name, ...], Field(max_length=500, fail_fast=True)] = ()
    failed: _Text | None = None
    ended: _Text | None = None
    outcomes: Literal["replayed", "observed", "both"] | None = None
    claims: Annotated[tuple[Claim, ...], Field(max_length=MAX_CLAIMS, fail_fast=True)] = ()

    @property
    def trusted(self) -> Literal["replayed", "observed", "both"]:
        """Whose word it is whether a call took effect."""
        return self.outcomes or ("both" if self.failed else "replayed")

    @field_validator("failed")
    @classmethod
    def _failed_reads(cls, value: str | None) -> str | None:
        return None if value is None else _checked(value, OUTCOME_NAMES)

    @field_validator("ended")
    @classmethod
    def _ended_reads(cls, value: str | None) -> str | None:
        return None if value is None else _checked(value, ENDED_NAMES)

    @model_validator(mode="after")
    def _consistent(self) -> Environment:
        check_source(self, _SOURCES)
        if self.state is not None and is_deeper(self.state, MAX_STATE_DEPTH):
            raise Refused("state", f"is nested deeper than {MAX_STATE_DEPTH} levels", None)
        if self.outcomes in ("observed", "both") and self.failed is None:
            raise Refused(
                "outcomes", f"{self.outcomes!r} needs 'failed', which tells a failed result", self.outcomes
            )
        for tool in self.reads:
            if tool in self.effects:
                raise Refused("reads", f"{tool!r} has an effect too", tool)
        self._check_size()
        for tool, effect in self.effects.items():
            self._check_effect(tool, effect)
        for index, claim in enumerate(self.claims):
            refuse_unreadable(claim, f"claims.{index}.check", in_database=self.database is not None)
        return self

    def _check_size(self) -> None:
        """All effects together: each is read when the request is."""
        if is_deeper(list(self.effects.values()), MAX_STATE_DEPTH):
            raise Refused("effects", f"are nested deeper than {MAX_STATE_DEPTH} levels", None)
        size = sum(len(json.dumps(effect, default=str)) for effect in self.effects.values())
        if size > MAX_EFFECTS_CHARS:
            raise Refused("effects", f"have {size} characters; the limit is {MAX_EFFECTS_CHARS}", size)

    def _check_effect(self, tool: str, effect: Sequence[Mapping[str, Any]] | SqlEffect) -> None:
        if isinstance(effect, SqlEffect) != (self.database is not None):
            needed = (
                "an object {require, run} of SQL" if self.database is not None else "a list of operations"
            )
            raise Refused(f"effects.{tool}", f"must be {needed}", None)
        if isinstance(effect, SqlEffect):
            return
        try:
            read_operations(effect)
        except WrongOperation as error:
            raise Refused(f"effects.{tool}.{error.field}", error.message, error.value) from error


class EndQuery(Envelope):
    """A query of the end state, and the rows that it must give, in any order unless `ordered`."""

    sql: _Text
    rows: Annotated[tuple[tuple[Any, ...], ...], Field(max_length=10_000, fail_fast=True)]
    ordered: Truth = False

    @model_validator(mode="after")
    def _cells(self) -> EndQuery:
        for at, row in enumerate(self.rows):
            for column, cell in enumerate(row):
                if not isinstance(cell, (str, int, float, NoneType)):
                    raise Refused(
                        f"rows.{at}.{column}", "must be a text, a number, true, false or null", cell
                    )
            if len(row) != len(self.rows[0]):
                message = f"has {len(row)} cells; the first row has {len(self.rows[0])}"
                raise Refused(f"rows.{at}", message, row)
        return self


class EndForm(Envelope):
    """What the records must be at the end, in one of four forms.

    `state` is all of it, `contains` a part (keys that are not named may be anything), `calls` what these calls lead to
    by the declared effects, `queries` what queries of a database give.
    """

    state: dict[str, Any] | None = None
    contains: dict[str, Any] | None = None
    calls: Calls | None = None
    queries: Annotated[tuple[EndQuery, ...], Field(min_length=1, max_length=50, fail_fast=True)] | None = None

    @property
    def is_given(self) -> bool:
        return any(getattr(self, name) is not None for name in _FORMS)

    @model_validator(mode="after")
    def _one_form(self) -> EndForm:
        given = [name for name in _FORMS if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"only one of {', '.join(given)} may be given")
        for name in ("state", "contains"):
            if is_deeper(getattr(self, name), MAX_STATE_DEPTH):
                raise Refused(name, f"is nested deeper than {MAX_STATE_DEPTH} levels", None)
        return self


class EndState(EndForm):
    """What the records must be at the end, and what the agent must have said by then.

    `alternatives` are other ends that are as good. `ignore` and `unordered` are JSON pointers (RFC 6901; `*` is any key
    or index): places that do not count (of a database: `/table` or `/table/*/column`), and lists whose order does not.
    `said` are texts that the agent must have told, in digits or word for word; a list of them: any one. Without any
    form, only `said` is asked for.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [_END_EXAMPLE]})

    alternatives: Annotated[tuple[EndForm, ...], Field(max_length=MAX_ALTERNATIVES, fail_fast=True)] = ()
    ignore: _Pointers = ()
    unordered: _Pointers = ()
    said: Annotated[tuple[_Said | _AnyOf, ...], Field(max_length=MAX_SAID, fail_fast=True)] = ()

    @property
    def forms(self) -> tuple[EndForm, ...]:
        """Every end that is as good as the others; none where only `said` is asked for."""
        return tuple(form for form in (self, *self.alternatives) if form.is_given)

    @model_validator(mode="after")
    def _something_is_asked(self) -> EndState:
        if not self.is_given and not self.said:
            raise ValueError("one of state, contains, calls, queries and said must be given")
        for index, form in enumerate(self.alternatives):
            if not form.is_given:
                raise Refused(f"alternatives.{index}", f"one of {', '.join(_FORMS)} must be given", None)
        return self


def _checked(text: str, names: Sequence[str]) -> str:
    """Raise ValueError for a text that is no expression of these names."""
    try:
        read_expression(text, names)
    except NotAnExpression as error:
        raise ValueError(str(error)) from error
    return text
