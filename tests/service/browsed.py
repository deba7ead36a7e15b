"""What a real browser shows of a page, waited for by the page itself: by the text, not by a time."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# Of the whole, browser's start included; on a loaded machine that alone takes many seconds.
LIMIT_SECONDS = 100
MAX_MESSAGE_BYTES = 64_000_000
LOOK_SECONDS = 0.05


async def shown_once(url: str, folder: Path, *words: str) -> str:
    """The page's HTML as soon as all of the words are in it. The browser reaches 127.0.0.1 only.

    Raises TimeoutError where none comes. The DevTools protocol is spoken over two pipes, which are 3 and 4 there.
    """
    asked_out, asked_in = os.pipe()
    told_out, told_in = os.pipe()
    options = (
        *("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
        *("--remote-debugging-pipe", f"--user-data-dir={folder}"),
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    )
    browser = await asyncio.create_subprocess_exec(
        *("bash", "-c", f'exec chromium "$@" 3<&{asked_out} 4>&{told_in}', "chromium", *options),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        pass_fds=(asked_out, told_in),
        env={**os.environ, "HOME": str(folder)},
    )
    os.close(asked_out)
    os.close(told_in)
    reader = asyncio.StreamReader(limit=MAX_MESSAGE_BYTES)
    told = os.fdopen(told_out, "rb", 0)
    loop = asyncio.get_running_loop()
    hearing, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), told)
    try:
        async with asyncio.timeout(LIMIT_SECONDS):
            return await _browse(_Tab(reader, asked_in), url, words)
    finally:
        os.close(asked_in)
        if browser.returncode is None:
            browser.kill()
        await browser.wait()
        hearing.close()


class _Tab:
    """Commands of the DevTools protocol and their answers, one after the other; events are passed over."""

    def __init__(self, reader: asyncio.StreamReader, writing: int) -> None:
        self._reader, self._writing, self._number = reader, writing, 0
        self.session: Mapping[str, str] = {}

    async def do(self, method: str, **params: Any) -> dict[str, Any]:
        self._number += 1
        command = {"id": self._number, "method": method, "params": params, **self.session}
        os.write(self._writing, json.dumps(command).encode() + b"\0")
        while True:
            answer = json.loads((await self._reader.readuntil(b"\0"))[:-1])
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                result: dict[str, Any] = answer["result"]
                return result


async def _browse(tab: _Tab, url: str, words: tuple[str, ...]) -> str:
    target = await tab.do("Target.createTarget", url="about:blank")
    attached = await tab.do("Target.attachToTarget", targetId=target["targetId"], flatten=True)
    tab.session = {"sessionId": attached["sessionId"]}
    await tab.do("Page.navigate", url=url)
    while True:
        html = "document.documentElement ? document.documentElement.outerHTML : ''"
        looked = await tab.do("Runtime.evaluate", expression=html, returnByValue=True)
        shown = str(looked["result"]["value"])
        if all(one in shown.replace("\u200b", "") for one in words):
            return shown
        await asyncio.sleep(LOOK_SECONDS)
