"""Whether what a step asserts of a page is so. One function for each `that`.

All compare on the host but `looks_like`, whose pictures are decoded in the box, in a window that no page is in.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol
from urllib.parse import urlsplit

from judge_agent.schema import PageStep, UiStep

_DIFFERS_AT_MOST = 0.02
_SHOWN = 160
_PIXEL = 1.0


class NotSo(Exception):
    """What was asserted is not so; the message says what was found. `final`: it never will be, looked at again."""

    def __init__(self, message: str, *, final: bool = False) -> None:
        super().__init__(message)
        self.final = final


class Looking(Protocol):
    """What an assertion can look at."""

    async def read(self, what: str, step: PageStep) -> Any: ...

    async def picture(self, **options: Any) -> dict[str, Any]: ...

    async def events(self) -> Any: ...

    async def settle(self) -> None: ...


Assertion = Callable[[Looking, PageStep], Awaitable[None]]


async def assert_step(window: Looking, step: PageStep) -> None:
    """Raises NotSo, PageError."""
    assert step.that is not None
    await _ASSERTIONS[step.that](window, step)


def _is(what: str, wanted: object, otherwise: str) -> Assertion:
    async def check(window: Looking, step: PageStep) -> None:
        found = await window.read(what, step)
        if found != wanted:
            raise NotSo(otherwise if found is not None else "there is no such element")

    return check


async def _hidden(window: Looking, step: PageStep) -> None:
    if await window.read("visible", step):
        raise NotSo("it is visible")


async def _in_view(window: Looking, step: PageStep) -> None:
    box = await window.read("box", step)
    if box is None:
        raise NotSo("there is no such element in sight")
    left, top, width, height = box
    if width <= 0 or height <= 0:
        raise NotSo("it has no size")
    if left + width <= 0 or top + height <= 0 or left >= 1280 or top >= 720:
        raise NotSo(f"it is outside of the window, at {left:g}, {top:g}")


def _text(compare: Callable[[str, str], bool], says: str, what: str = "text") -> Assertion:
    async def check(window: Looking, step: PageStep) -> None:
        found = await window.read(what, step)
        if found is None:
            raise NotSo("there is no such element")
        if not compare(_plain(str(found)), _plain(step.value or "")):
            raise NotSo(f"{says} {_plain(str(found))[:_SHOWN]!r}")

    return check


def _count(compare: Callable[[int, int], bool]) -> Assertion:
    async def check(window: Looking, step: PageStep) -> None:
        found = await window.read("count", step)
        if not compare(int(found), int(step.value or "0")):
            raise NotSo(f"there are {found} of them")

    return check


async def _path_is(window: Looking, step: PageStep) -> None:
    found = urlsplit(str(await window.read("url", step)))
    path = (
        found.path
        + (f"?{found.query}" if found.query else "")
        + (f"#{found.fragment}" if found.fragment else "")
    )
    if path.lstrip("/") != (step.value or "").lstrip("/"):
        raise NotSo(f"the address is {path[:_SHOWN]!r}")


async def _not_blank(window: Looking, step: PageStep) -> None:
    """Of the window first; a page may have what it shows below it."""
    if (await window.picture(measure=True))["colours"] > 1:
        return
    if (await window.picture(measure=True, full=True))["colours"] <= 1:
        raise NotSo("the page is blank: one single colour")


async def _fits_width(window: Looking, step: PageStep) -> None:
    overflow = await window.read("overflow", step)
    if overflow > _PIXEL:
        raise NotSo(f"the page is {overflow:g} pixels wider than the window")


def _no_events(kinds: tuple[str, ...], called: str) -> Assertion:
    async def check(window: Looking, step: PageStep) -> None:
        await window.settle()  # what has not happened yet could still happen
        told = await window.events()
        count = sum(told["counts"].get(kind, 0) for kind in kinds)
        if count:
            first = next(words[0] for kind in kinds if (words := told["words"].get(kind)))
            raise NotSo(f"{count} {called}, the first: {first[:_SHOWN]!r}", final=True)

    return check


async def _looks_like(window: Looking, step: PageStep) -> None:
    assert isinstance(step, UiStep)  # no other can ask for it
    told = await window.picture(image=step.image)
    if told.get("other_size"):
        raise NotSo(
            f"the picture has {told['width']} x {told['height']} pixels, the wanted one {told['other_size']}"
        )
    most = _DIFFERS_AT_MOST if step.differs_at_most is None else step.differs_at_most
    if told["different"] > most:
        raise NotSo(f"{told['different']:.2%} of the pixels differ; at most {most:.2%} may")


_ASSERTIONS: dict[str, Assertion] = {
    "visible": _is("visible", True, "it is not visible"),
    "hidden": _hidden,
    "enabled": _is("enabled", True, "it is disabled"),
    "disabled": _is("enabled", False, "it is enabled"),
    "checked": _is("checked", True, "it is not checked"),
    "unchecked": _is("checked", False, "it is checked"),
    "in_view": _in_view,
    "text_is": _text(str.__eq__, "the text is"),
    "text_contains": _text(str.__contains__, "the text is"),
    "text_lacks": _text(lambda found, lacked: lacked not in found, "the text is"),
    "value_is": _text(str.__eq__, "the value is", "value"),
    "attribute_is": _text(str.__eq__, "the attribute is", "attribute"),
    "style_is": _text(str.__eq__, "the style is", "style"),
    "count_is": _count(int.__eq__),
    "count_at_least": _count(int.__ge__),
    "title_is": _text(str.__eq__, "the title is", "title"),
    "title_contains": _text(str.__contains__, "the title is", "title"),
    "path_is": _path_is,
    "not_blank": _not_blank,
    "fits_width": _fits_width,
    "no_console_errors": _no_events(("console_error", "uncaught", "crash"), "errors in the console"),
    "no_failed_requests": _no_events(("failed",), "requests failed"),
    "looks_like": _looks_like,
}


def _plain(text: str) -> str:
    """White space as it is seen: runs of it are one blank."""
    return " ".join(text.split())
