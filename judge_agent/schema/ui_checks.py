"""Checks of a page: what somebody would do with it, and what must then be seen. Data, never code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from judge_agent.schema.base import Envelope, Number, Whole
from judge_agent.schema.refusals import Refused

MAX_CHECKS = 100
MAX_STEPS = 40
Do = Literal[
    "open",
    "click",
    "type",
    "select",
    "press",
    "scroll",
    "wait",
    "screenshot",
    "snapshot",
    "text",
    "console",
    "requests",
    "assert",
]
Seen = Literal[
    "visible",
    "hidden",
    "enabled",
    "disabled",
    "checked",
    "unchecked",
    "in_view",
    "text_is",
    "text_contains",
    "text_lacks",
    "value_is",
    "attribute_is",
    "style_is",
    "count_is",
    "count_at_least",
    "title_is",
    "title_contains",
    "path_is",
    "not_blank",
    "fits_width",
    "no_console_errors",
    "no_failed_requests",
]
That = Seen | Literal["looks_like"]
Stage = Literal["renders", "works", "looks"]
STAGES: tuple[Stage, ...] = ("renders", "works", "looks")
TARGETS = ("role", "label", "text", "placeholder", "test_id", "css")
_NEEDS_TARGET = frozenset({"click", "type", "select"})
_TAKES_TARGET = _NEEDS_TARGET | {"press", "scroll", "wait", "text", "screenshot", "assert"}
_OF_ELEMENTS = frozenset(
    {"visible", "hidden", "enabled", "disabled", "checked", "unchecked", "in_view", "value_is"}
    | {"attribute_is", "style_is", "count_is", "count_at_least"}
)
_OF_THE_PAGE = frozenset(
    {"title_is", "title_contains", "path_is", "not_blank", "fits_width"}
    | {"no_console_errors", "no_failed_requests", "looks_like"}
)
_WITH_VALUE = frozenset(
    {"text_is", "text_contains", "text_lacks", "value_is", "attribute_is", "style_is", "count_is"}
    | {"count_at_least", "title_is", "title_contains", "path_is"}
)
_Short = Annotated[str, Field(min_length=1, max_length=300)]


class PageStep(Envelope):
    """One thing that is done with a page, or asserted of it.

    An element is named by one of `role` (with `name`), `label`, `text`, `placeholder`, `test_id` and `css`; where
    several fit, `nth` (from 0) chooses. `value` is what is typed, the option that is selected, the key that is
    pressed (`Enter`), or what is asserted; `of` names the attribute or the style property.
    `page` is a path of the site.
    """

    do: Do
    role: _Short | None = None
    name: _Short | None = None
    label: _Short | None = None
    text: _Short | None = None
    placeholder: _Short | None = None
    test_id: _Short | None = None
    css: _Short | None = None
    nth: Annotated[Whole, Field(ge=0, le=10_000)] | None = None
    page: Annotated[str, Field(max_length=2000)] | None = None
    value: Annotated[str, Field(max_length=4000)] | None = None
    of: Annotated[str, Field(max_length=100, pattern=r"^[A-Za-z_:][\w:.-]*$")] | None = None
    by: Annotated[Whole, Field(ge=-100_000, le=100_000)] | None = None
    seconds: Annotated[Number, Field(gt=0, le=10)] | None = None
    that: That | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> PageStep:
        given = [name for name in TARGETS if getattr(self, name) is not None]
        if len(given) > 1:
            raise Refused(given[1], f"an element is named by one of {list(TARGETS)}, not by {given}", None)
        if given and self.do not in _TAKES_TARGET:
            raise Refused(given[0], f"'{self.do}' takes no element", None)
        if not given and self.do in _NEEDS_TARGET:
            raise Refused("css", f"'{self.do}' needs an element: one of {list(TARGETS)}", None)
        if self.name is not None and self.role is None:
            raise Refused("name", "goes with role", None)
        if self.nth is not None and not given:
            raise Refused("nth", "goes with an element", None)
        if self.do in ("type", "select", "press") and self.value is None:
            raise Refused("value", f"'{self.do}' needs a value", None)
        if self.do == "wait" and not given and self.seconds is None:
            raise Refused("seconds", "'wait' needs seconds or an element", None)
        _check_assertion(self, bool(given))
        return self

    @property
    def target(self) -> Mapping[str, Any] | None:
        """How the element is named; None for the page."""
        names = (*TARGETS, "name", "nth")
        found = {name: value for name in names if (value := getattr(self, name)) is not None}
        return found or None


class AskedStep(PageStep):
    """One thing to do. An element is named by one of role (with name), label, text, placeholder, test_id, css; nth
    chooses among several. value: what to type, select, press (Enter) or assert; of: which attribute or style.
    """

    nth: Annotated[Whole, Field(ge=0, le=10_000)] | None = None
    by: Annotated[Whole, Field(ge=-100_000, le=100_000)] | None = None
    that: Seen | None = None


class UiStep(PageStep):
    """A step of a check, which can hold the page to a picture: `image` goes with `looks_like`, in base64.

    `differs_at_most` is the share of pixels that may differ; 0.02 where it is not given.
    """

    image: Annotated[str, Field(max_length=2_800_000, pattern=r"^[A-Za-z0-9+/]+={0,2}$")] | None = None
    differs_at_most: Annotated[Number, Field(ge=0, le=1)] | None = None

    @model_validator(mode="after")
    def _picture_fits(self) -> UiStep:
        wanted = self.that == "looks_like"
        if wanted != (self.image is not None):
            raise Refused(
                "image", "goes with looks_like, which needs it (a PNG, JPEG or WebP in base64)", None
            )
        if self.differs_at_most is not None and not wanted:
            raise Refused("differs_at_most", "goes with looks_like", self.differs_at_most)
        return self


class UiCheck(Envelope):
    """Steps in a fresh browser window, which begins at the site's entry. The check fails with its first failed step.

    A check whose steps assert nothing fails only where a step cannot be done.
    """

    name: Annotated[str, Field(min_length=1, max_length=128)]
    stage: Stage = "works"
    steps: Annotated[tuple[UiStep, ...], Field(min_length=1, max_length=MAX_STEPS)]


class UiChecks(Envelope):
    """What a candidate's page must do. Stages run in the order renders, works, looks; a failed one ends the run.

    `page` names a site of `resources.pages`, over which the candidate's files are laid; omitted, they are all there is.
    `renders` is what is looked at before all else: `loads` and `not_blank` (the window is not of one single colour).
    """

    page: Annotated[str, Field(max_length=64)] | None = None
    renders: tuple[Literal["loads", "not_blank"], ...] = ("loads", "not_blank")
    checks: Annotated[tuple[UiCheck, ...], Field(min_length=1, max_length=MAX_CHECKS)]

    @model_validator(mode="after")
    def _named_once(self) -> UiChecks:
        names = [check.name for check in self.checks] + list(self.renders)
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise Refused("checks", f"{twice[0]!r} is given more than once", twice[0])
        return self


def _check_assertion(step: PageStep, has_target: bool) -> None:
    that = step.that
    if (that is None) == (step.do == "assert"):
        raise Refused("that", "goes with 'assert', and 'assert' needs it", None)
    if that is None:
        return
    if that in _OF_ELEMENTS and not has_target:
        raise Refused("css", f"'{that}' needs an element: one of {list(TARGETS)}", None)
    if that in _OF_THE_PAGE and has_target:
        raise Refused("that", f"'{that}' is said of the page, not of an element", None)
    if (that in _WITH_VALUE) != (step.value is not None):
        raise Refused("value", f"'{that}' {'needs' if that in _WITH_VALUE else 'takes no'} value", None)
    if that.startswith("count") and not (step.value or "").isdecimal():
        raise Refused("value", f"'{that}' needs a whole number, not {step.value!r}", step.value)
    if (that in ("attribute_is", "style_is")) != (step.of is not None):
        raise Refused("of", "goes with attribute_is and style_is, which need it", None)
