"""What can be done in a window, and what can be read of it: one function each. What must be read is said by the host.

Elements are looked for in a world of their own, out of reach of the page's scripts.
"""

from __future__ import annotations

import base64
import re
import struct
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandboxes.browser.in_box.windows import Window

Action = Callable[["Window", dict[str, Any]], Awaitable[Any]]
MAX_TEXT_CHARS = 20_000
MAX_PICTURE_BYTES = 8 * 2**20
_TALLEST = 4000
_ACTUAL = re.compile(r"Actual value: (.*)")
_MARGIN = 250  # milliseconds of a step's time that are kept to say why it was not done


class NotDone(Exception):
    """The page does not let it be done."""


async def go(window: Window, message: dict[str, Any]) -> Any:
    """Open an address; answers its status, null where none came."""
    url = message.get("url") or window.entry
    response = await window.page.goto(url, timeout=_milliseconds(message), wait_until="load")
    return response.status if response is not None else None


async def click(window: Window, message: dict[str, Any]) -> None:
    await _found(window, message).click(timeout=_milliseconds(message))


async def type_text(window: Window, message: dict[str, Any]) -> None:
    await _found(window, message).fill(message["value"], timeout=_milliseconds(message))


async def select(window: Window, message: dict[str, Any]) -> None:
    """By the option's label or value."""
    await _found(window, message).select_option(message["value"], timeout=_milliseconds(message))


async def press(window: Window, message: dict[str, Any]) -> None:
    if message.get("target"):
        await _found(window, message).press(message["value"], timeout=_milliseconds(message))
    else:
        await window.page.keyboard.press(message["value"])


async def scroll(window: Window, message: dict[str, Any]) -> None:
    if message.get("target"):
        await _found(window, message).scroll_into_view_if_needed(timeout=_milliseconds(message))
    else:
        await window.page.mouse.wheel(0, message["by"])


async def wait(window: Window, message: dict[str, Any]) -> None:
    """For an element to be seen, or for a time."""
    if message.get("target"):
        await _found(window, message).wait_for(state="visible", timeout=_milliseconds(message))
    else:
        await window.page.wait_for_timeout(message["wait_seconds"] * 1000)


async def settle(window: Window, message: dict[str, Any]) -> None:
    """Until nothing was loaded for half a second; a page that never stops is taken as it is when the time is over."""
    from playwright.async_api import TimeoutError as Overdue

    try:
        await window.page.wait_for_load_state("networkidle", timeout=_milliseconds(message))
    except Overdue:
        return


async def resize(window: Window, message: dict[str, Any]) -> None:
    """Give the window another size, in pixels."""
    await window.page.set_viewport_size({"width": message["width"], "height": message["height"]})


async def screenshot(window: Window, message: dict[str, Any]) -> dict[str, Any]:
    """A PNG of the window, the element, or (`full`) the page down to 4000 pixels, and its size in pixels.

    `measure` or `image`: with what `Pictures.pixels` says of it.
    """
    options: dict[str, Any] = {
        "timeout": _milliseconds(message),
        "animations": "disabled",
        "caret": "hide",
        "scale": "css",
    }
    if message.get("target"):
        picture = await _found(window, message).screenshot(**options)
    elif message.get("full"):
        clip = {"x": 0, "y": 0, "width": 1280, "height": _TALLEST}
        picture = await window.page.screenshot(full_page=True, clip=clip, **options)
    else:
        picture = await window.page.screenshot(**options)
    if len(picture) > MAX_PICTURE_BYTES:
        raise NotDone(f"the picture has {len(picture)} bytes; the limit is {MAX_PICTURE_BYTES}")
    told: dict[str, Any] = dict(zip(("width", "height"), struct.unpack(">II", picture[16:24]), strict=True))
    if message.get("measure") or message.get("image"):
        told |= await window.pictures.pixels(picture, message.get("image"))
    return {**told, "base64": base64.b64encode(picture).decode()}


async def snapshot(window: Window, message: dict[str, Any]) -> str:
    """The accessibility tree as text."""
    tree = await window.page.locator("body").aria_snapshot(timeout=_milliseconds(message))
    return str(tree)[:MAX_TEXT_CHARS]


async def events(window: Window, message: dict[str, Any]) -> dict[str, Any]:
    """What has happened so far, by kind: how often, and the words of the first ones."""
    return {"counts": dict(window.counts), "words": window.events}


async def read(window: Window, message: dict[str, Any]) -> Any:
    """One property of an element or of the page, as it is now; null of an element that is not there."""
    what, page = message["what"], window.page
    if what == "title":
        return (await page.title())[:MAX_TEXT_CHARS]
    if what == "url":
        return str(page.url)[:MAX_TEXT_CHARS]
    if what == "overflow":
        return await _overflow(window)
    found = _found(window, message) if message.get("target") else page.locator("body")
    count = await found.count()
    if what == "count":
        return count
    if count == 0:
        return None
    if count > 1 and what != "visible":
        raise NotDone(f"{count} elements fit; say which by nth")
    return await _read_of(found if count == 1 else found.first, what, message)


async def _read_of(found: Any, what: str, message: dict[str, Any]) -> Any:
    limit = {"timeout": _milliseconds(message)}
    if what == "visible":
        return await found.is_visible()
    if what == "enabled":
        return await found.is_enabled(**limit)
    if what == "checked":
        return await found.is_checked(**limit)
    if what == "text":
        return (await found.inner_text(**limit))[:MAX_TEXT_CHARS]
    if what == "value":
        return (await found.input_value(**limit))[:MAX_TEXT_CHARS]
    if what == "attribute":
        value = await found.get_attribute(message["of"], **limit)
        return None if value is None else value[:MAX_TEXT_CHARS]
    if what == "style":
        return await _style(found, message["of"])
    box = await found.bounding_box(**limit)
    return box and [box["x"], box["y"], box["width"], box["height"]]


async def _overflow(window: Window) -> float:
    """By how many pixels the page is wider than the window; the browser itself says so, no script of the page."""
    session = await window.context.new_cdp_session(window.page)
    try:
        told = await session.send("Page.getLayoutMetrics")
        return float(told["cssContentSize"]["width"] - told["cssLayoutViewport"]["clientWidth"])
    finally:
        await session.detach()


async def _style(found: Any, name: str) -> str:
    """The computed value. A failed expectation tells it from a world that no script of the page reaches."""
    from playwright.async_api import expect

    try:
        await expect(found).to_have_css(name, "no value is this", timeout=_MARGIN)
    except AssertionError as error:
        told = _ACTUAL.search(str(error))
        if told is not None:
            return told[1].strip()[:MAX_TEXT_CHARS]
        raise NotDone(f"the style {name!r} could not be read") from error
    raise NotDone(f"the style {name!r} could not be read")


ACTIONS: dict[str, Action] = {
    "go": go,
    "click": click,
    "type": type_text,
    "select": select,
    "press": press,
    "scroll": scroll,
    "wait": wait,
    "settle": settle,
    "resize": resize,
    "screenshot": screenshot,
    "snapshot": snapshot,
    "events": events,
    "read": read,
}


def _found(window: Window, message: dict[str, Any]) -> Any:
    target, page = message["target"], window.page
    if "role" in target:
        found = page.get_by_role(target["role"], **({"name": target["name"]} if "name" in target else {}))
    elif "label" in target:
        found = page.get_by_label(target["label"])
    elif "text" in target:
        found = page.get_by_text(target["text"])
    elif "placeholder" in target:
        found = page.get_by_placeholder(target["placeholder"])
    elif "test_id" in target:
        found = page.get_by_test_id(target["test_id"])
    else:
        found = page.locator(f"css={target['css']}")
    return found.nth(target["nth"]) if "nth" in target else found


def _milliseconds(message: dict[str, Any]) -> float:
    return max(float(message["seconds"]) * 1000 - _MARGIN, 50)
