"""Checks of a text that can be verified without asking anybody: what `check_text` holds a candidate's text to."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NamedTuple

from pydantic import ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from judge_agent.schema.base import Envelope, Name, Number, Truth, Whole
from judge_agent.schema.expected_calls import is_deeper
from judge_agent.schema.refusals import Refused

MAX_CHECKS = 100
MAX_SCHEMA_DEPTH = 60
MAX_COUNT = 10_000_000
CheckKind = Literal[
    "characters", "words", "unique_words", "sentences", "paragraphs", "lines", "lists", "list_items",
    "numbered_items", "headings", "code_blocks", "links", "placeholders", "highlights", "capital_words", "questions",
    "exclamations", "numbers", "percentages", "tables", "table_rows", "keywords", "letter", "pattern_matches", "parts",
    "sections", "words_per_sentence", "words_per_paragraph", "sentences_per_paragraph", "list_items_per_list",
    "characters_per_line", "starts_with", "ends_with", "contains", "contains_any", "excludes", "one_of", "in_order",
    "repeats", "paragraph_starts_with", "lowercase", "uppercase", "title_case", "ascii", "quoted", "title",
    "postscript", "no_digits", "number_decimals", "percent_decimals", "unique_lines", "sorted_lines", "matches",
    "full_match", "language", "json", "json_schema",
]  # fmt: skip
_Text = Annotated[str, Field(min_length=1, max_length=10_000)]
_EXAMPLE: JsonDict = {
    "checks": [
        {"id": "short", "check": "words", "max": 120},
        {"id": "greets", "check": "starts_with", "texts": ["Dear"]},
        {"check": "json_schema", "schema": {"type": "object"}, "text": "report.json"},
    ],
    "score": "fraction",
}


class Takes(NamedTuple):
    """What a check needs beside its name, and what it may be given."""

    needs: tuple[str, ...] = ()
    may: tuple[str, ...] = ()
    counts: bool = False


_WORDING = ("case", "whole_words")
_COUNTED = Takes(counts=True)
_PLAIN = Takes()
_TEXTS = Takes(("texts",), _WORDING)
_OTHERS: dict[str, Takes] = {
    "keywords": Takes(("texts",), _WORDING, True),
    "letter": Takes(("texts",), ("case",), True),
    "pattern_matches": Takes(("pattern",), ("case",), True),
    "parts": Takes(("texts",), (), True),
    "sections": Takes(("texts",), ("case",), True),
    "one_of": Takes(("texts",), ("case",)),
    "repeats": Takes(("texts",), ("case",)),
    "paragraph_starts_with": Takes(("texts", "nth"), _WORDING),
    "postscript": Takes((), ("texts",)),
    "number_decimals": Takes(("decimals",)),
    "percent_decimals": Takes(("decimals",)),
    "sorted_lines": Takes((), ("case",)),
    "unique_lines": Takes((), ("case",)),
    "matches": Takes(("pattern",), ("case",)),
    "full_match": Takes(("pattern",), ("case",)),
    "language": Takes(("language",)),
    "json_schema": Takes(("schema",)),
}
_WITH_TEXTS = ("starts_with", "ends_with", "contains", "contains_any", "excludes", "in_order")
_WITHOUT = ("lowercase", "uppercase", "title_case", "ascii", "quoted", "title", "no_digits", "json")
_RANGE = ("min", "max", "exactly")
_ARGUMENTS = (*_RANGE, "texts", "pattern", "schema", "case", "whole_words", "decimals", "language", "nth")


def takes(kind: str) -> Takes:
    """What a check takes: most count, and need a range."""
    if kind in _OTHERS:
        return _OTHERS[kind]
    if kind in _WITH_TEXTS:
        return _TEXTS
    return _PLAIN if kind in _WITHOUT else _COUNTED


class TextCheck(Envelope):
    """One check of one text.

    `id` is its handle: a principle of that name tied to `check_text` is decided by it. `text` says which text: `final`,
    an artifact by name or as `a0`, an assistant turn by its step id. Counts lie in `min..max`, or are `exactly` so
    many. `texts` are words or phrases, `case` and `whole_words` say how they are compared (without the latter a phrase
    within a longer word is not decided). `negate` wants the opposite. Where a text can be counted in more than one way
    (is `well-known` one word?) and they differ on the check, `ambiguous` says what that comes to.
    """

    model_config = ConfigDict(populate_by_name=True)

    check: CheckKind
    id: Name | None = None
    text: Annotated[str, Field(min_length=1, max_length=256)] | None = None
    min: Annotated[Whole, Field(ge=0, le=MAX_COUNT)] | None = None
    max: Annotated[Whole, Field(ge=0, le=MAX_COUNT)] | None = None
    exactly: Annotated[Whole, Field(ge=0, le=MAX_COUNT)] | None = None
    texts: Annotated[tuple[_Text, ...], Field(min_length=1, max_length=100, fail_fast=True)] | None = None
    pattern: Annotated[str, Field(min_length=1, max_length=1000)] | None = None
    schema_: dict[str, Any] | Truth | None = Field(default=None, alias="schema")
    case: Literal["ignore", "exact"] | None = None
    whole_words: Truth | None = None
    decimals: Annotated[Whole, Field(ge=0, le=20)] | None = None
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}$")] | None = None
    nth: Annotated[Whole, Field(ge=1, le=10_000)] | None = None
    negate: Truth = False
    weight: Annotated[Number, Field(gt=0, le=1e6)] = 1.0
    ambiguous: Literal["undecided", "pass", "fail"] = "undecided"

    def argument(self, name: str) -> Any:
        return getattr(self, "schema_" if name == "schema" else name)

    @model_validator(mode="after")
    def _takes_these(self) -> TextCheck:
        wanted = takes(self.check)
        range_ = _RANGE if wanted.counts else ()
        allowed = {*wanted.needs, *wanted.may, *range_}
        for name in _ARGUMENTS:
            given = self.argument(name) is not None
            if given and name not in allowed:
                raise Refused(
                    name, f"check {self.check!r} takes no {name!r}; it takes {sorted(allowed)}", None
                )
            if not given and name in wanted.needs:
                raise Refused(name, f"check {self.check!r} needs {name!r}", None)
        if wanted.counts:
            self._has_a_range()
        if self.check == "letter" and any(len(one) != 1 for one in self.texts or ()):
            raise Refused("texts", "check 'letter' counts single characters", None)
        if is_deeper(self.schema_, MAX_SCHEMA_DEPTH):
            raise Refused("schema", f"is nested deeper than {MAX_SCHEMA_DEPTH} levels", None)
        return self

    def _has_a_range(self) -> None:
        if self.exactly is None and self.min is None and self.max is None:
            raise Refused("min", f"check {self.check!r} needs 'min', 'max' or 'exactly'", None)
        if self.exactly is not None and (self.min is not None or self.max is not None):
            raise Refused("exactly", "stands alone, without 'min' and 'max'", self.exactly)
        if self.min is not None and self.max is not None and self.min > self.max:
            raise Refused("min", f"{self.min} is more than max={self.max}", self.min)


class TextChecks(Envelope):
    """The checks of a task. `score`: whether one that fails fails all, or the share by weight is the score."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    checks: Annotated[tuple[TextCheck, ...], Field(min_length=1, max_length=MAX_CHECKS, fail_fast=True)]
    score: Literal["pass_fail", "fraction"] = "pass_fail"

    @model_validator(mode="after")
    def _handles_are_unique(self) -> TextChecks:
        handles = [handle for handle, _ in self.by_handle()]
        for handle in handles:
            if handles.count(handle) > 1:
                raise Refused("checks", f"the handle {handle!r} is given more than once", handle)
        return self

    def by_handle(self) -> list[tuple[str, TextCheck]]:
        """The checks with their handles; one without an id has that of its place, `check_1` and so on."""
        return [(one.id or f"check_{place}", one) for place, one in enumerate(self.checks, start=1)]
