"""One window of the browser with nothing before it: the site that is served to it, and what happens in it.

Requests are answered from the site or not at all; the box has no network for those that pass by here (prefetches).
Time begins at a fixed moment and random numbers at the seed, so that a page shows the same each time.

Does NOT protect against: pages that tell times apart by other clocks than `Date`; workers have the real time.
"""

from __future__ import annotations

import asyncio
import base64
from collections import Counter
from typing import Any

from sandboxes.browser.in_box.actions import ACTIONS, NotDone
from sandboxes.browser.in_box.pictures import Pictures

MAX_EVENTS = 2000
MAX_KEPT = 40
MAX_WORDS = 400
_WIDTH, _HEIGHT = 1280, 720
_FIXED_START = """(([seed, zero]) => {
  let state = seed >>> 0;
  Math.random = () => {
    state = (state + 0x6D2B79F5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const Real = Date, began = Real.now(), now = () => Real.now() - began + zero;
  globalThis.Date = new Proxy(Real, {
    construct: (target, given, made) => Reflect.construct(target, given.length ? given : [now()], made),
    apply: () => new Real(now()).toString(),
    get: (target, key) => key === 'now' ? now : Reflect.get(target, key),
  });
})(%s);"""
_ZERO = 1767225600000  # 2026-01-01T00:00:00Z in milliseconds


class Window:
    """A context of the browser with one page. Made by `made`; used for one visit, then closed."""

    def __init__(self, context: Any, page: Any, pictures: Pictures) -> None:
        self.context, self.page, self.pictures = context, page, pictures
        self.entry = ""
        self.entry_status: int | None = None
        self.events: dict[str, list[str]] = {}
        self.counts: Counter[str] = Counter()
        self.flooded = asyncio.Event()
        self._answers: dict[tuple[str, str], dict[str, Any]] = {}
        self._own: str | None = None
        self._outside: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @classmethod
    async def made(cls, browser: Any, pictures: Pictures) -> Window:
        context = await browser.new_context(
            viewport={"width": _WIDTH, "height": _HEIGHT},
            locale="en-US",
            timezone_id="UTC",
            color_scheme="light",
            reduced_motion="reduce",
            service_workers="block",
            accept_downloads=False,
        )
        page = await context.new_page()
        window = cls(context, page, pictures)
        await context.route("**/*", window._fulfil)
        await context.route_web_socket("**/*", window._refuse_socket)
        window._listen()
        return window

    async def visit(self, message: dict[str, Any]) -> None:
        """Take the site that is to be served. `answers` hold url, method, status, media_type and base64 each."""
        self.entry, self._own = message["entry"], message["own"]
        for answer in message["answers"]:
            self._answers.setdefault((answer["method"], answer["url"]), answer)
        await self.context.add_init_script(_FIXED_START % [int(message["seed"]) % 2**32, _ZERO])

    async def answer(self, message: dict[str, Any]) -> dict[str, Any]:
        """Do one thing within its time. What the page does not let be done is told as `error`."""
        from playwright.async_api import Error

        seconds = float(message["seconds"])
        doing = asyncio.ensure_future(ACTIONS[message["do"]](self, message))
        flooded = asyncio.ensure_future(self.flooded.wait())
        try:
            await asyncio.wait([doing, flooded], timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if self.flooded.is_set():
                return {"error": f"the page made more than {MAX_EVENTS} events", "limit": "events"}
            if not doing.done():
                return {"error": f"not done within {seconds:g} seconds", "limit": "seconds"}
            return {"value": doing.result()}
        except (Error, NotDone) as error:
            return {"error": _first_line(str(error))}
        finally:
            for task in (doing, flooded):
                task.cancel()
            await asyncio.wait([doing, flooded], timeout=1)

    async def close(self) -> None:
        await self.context.close()

    def note(self, kind: str, words: str) -> None:
        """Count an event and keep the words of the first ones."""
        self.counts[kind] += 1
        if self.counts[kind] <= MAX_KEPT:
            self.events.setdefault(kind, []).append(words[:MAX_WORDS])
        if self.counts.total() > MAX_EVENTS:
            self.flooded.set()

    async def _fulfil(self, route: Any) -> None:
        request = route.request
        url = request.url.partition("#")[0]
        found = self._answers.get((request.method, url)) or self._answers.get(
            (request.method, url.partition("?")[0])
        )
        if found is not None:
            body = base64.b64decode(found["base64"])
            await route.fulfill(status=found["status"], content_type=found["media_type"], body=body)
        elif self._own is not None and url.startswith(self._own):
            await route.fulfill(status=404, content_type="text/plain", body="there is no such file")
        else:
            # A page may not work without what it loads and runs; a picture that is missing is another matter.
            needed = request.resource_type in ("script", "stylesheet", "fetch", "xhr", "eventsource")
            self.note("needed_outside" if needed else "outside", f"{request.method} {url}")
            self._outside.add(request.url)
            await route.abort("blockedbyclient")

    async def _refuse_socket(self, route: Any) -> None:
        self.note("needed_outside", f"WebSocket {route.url}")
        await route.close()

    def _listen(self) -> None:
        page = self.page
        page.on("console", self._hear_console)
        page.on("pageerror", lambda one: self.note("uncaught", f"{one.name}: {one.message}"))
        page.on("crash", lambda _: self.note("crash", "the page crashed"))
        page.on("requestfailed", self._hear_failure)
        page.on("response", self._hear_status)
        page.on("dialog", lambda one: self._later("dialog", f"{one.type}: {one.message}", one.dismiss()))
        page.on("download", lambda one: self._later("download", one.url, one.cancel()))
        self.context.on("page", self._close_popup)

    def _close_popup(self, page: Any) -> None:
        if page is not self.page:
            self._later("popup", page.url, page.close())

    def _hear_console(self, message: Any) -> None:
        """What Chromium says of a request that is not answered here is no error of the page's own."""
        unanswered = "net::ERR_BLOCKED_BY_CLIENT" in message.text and message.type == "error"
        self.note("console_outside" if unanswered else f"console_{message.type}", message.text)

    def _hear_failure(self, request: Any) -> None:
        if request.url not in self._outside:
            self.note("failed", f"{request.method} {request.url}")

    def _hear_status(self, response: Any) -> None:
        if response.status >= 400 and not response.url.endswith("/favicon.ico"):
            self.note("failed", f"{response.request.method} {response.url}: {response.status}")

    def _later(self, kind: str, words: str, work: Any) -> None:
        self.note(kind, words)
        task = asyncio.ensure_future(_quietly(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _quietly(work: Any) -> None:
    """What can no longer be closed has closed by itself."""
    from playwright.async_api import Error

    try:
        await work
    except Error:
        return


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0][:MAX_WORDS] or "it could not be done"
