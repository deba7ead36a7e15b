"""The loop in a browser's box: reads one JSON line from the host, does it with Chromium, answers one JSON line.

Started as `python -s -S -P server.py` with the host's socket as descriptor 3. Chromium's renderers are in a box of
their own within this one (its sandbox); a window is made while the one before it is in use. When all processes together
take too much memory, this process says so and ends, and with it everything in its pid namespace.

Does NOT protect against: a page that has taken over Chromium's browser process; then every answer is a claim, and all
that it can reach is this box.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any

HOST = 3
MAX_LINE_BYTES = 64 * 2**20
_LOOK_SECONDS = 0.05
_CHROMIUM_ARGUMENTS = (
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-domain-reliability",
    "--disable-sync",
    "--dns-prefetch-disable",
    "--no-pings",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--renderer-process-limit=4",
    "--force-color-profile=srgb",
    "--font-render-hinting=none",
    "--hide-scrollbars",
)


def watch_memory(most_bytes: int, channel: socket.socket) -> None:
    """End the box when what its processes take together is more than `most_bytes`. Runs in a thread of its own."""
    while True:
        time.sleep(_LOOK_SECONDS)
        if resident_bytes() > most_bytes:
            channel.setblocking(True)
            channel.sendall(b'{"ended": "memory_bytes"}\n')
            os._exit(3)


def resident_bytes() -> int:
    """What all processes of the box hold of their own, in bytes: private and shared memory, without mapped files."""
    total = 0
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/status", encoding="ascii", errors="replace") as status:
                lines = [line for line in status if line.startswith(("RssAnon:", "RssShmem:"))]
        except OSError:  # it has ended
            continue
        total += sum(int(line.split()[1]) for line in lines) * 1024
    return total


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, setup: dict[str, Any]) -> None:
    """Obey until the host closes its end. The next window is made before it is asked for."""
    from playwright.async_api import async_playwright

    from sandboxes.browser.in_box.pictures import Pictures
    from sandboxes.browser.in_box.windows import Window

    async def say(answer: dict[str, Any]) -> None:
        writer.write(json.dumps(answer).encode() + b"\n")
        await writer.drain()

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=setup["chromium"],
            chromium_sandbox=True,
            args=[*_CHROMIUM_ARGUMENTS, f"--js-flags=--max-old-space-size={setup['heap_megabytes']}"],
            env={"HOME": "/tmp", "PATH": "/usr/bin", "LANG": "C.UTF-8", "TZ": "UTC"},
        )
        pictures = await Pictures.made(browser)
        window: Window | None = None
        upcoming = asyncio.ensure_future(Window.made(browser, pictures))
        await asyncio.wait([upcoming])
        await say({"ready": browser.version})
        while line := await reader.readline():
            message = json.loads(line)
            if message["do"] == "visit":
                window = await upcoming
                upcoming = asyncio.ensure_future(Window.made(browser, pictures))
                await window.visit(message)
                await say({"value": True})
            elif window is None:
                await say({"error": "no window is open"})
            elif message["do"] == "close":
                await window.close()
                window = None
                await say({"closed": True})
            else:
                await say(await window.answer(message))
    os._exit(0)


async def _main() -> None:
    channel = socket.socket(fileno=HOST)
    reader, writer = await asyncio.open_connection(sock=channel, limit=MAX_LINE_BYTES)
    setup = json.loads(await reader.readline())
    words = channel.dup()
    threading.Thread(target=watch_memory, args=(setup["memory_bytes"], words), daemon=True).start()
    await serve(reader, writer, setup)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[3]))
    asyncio.run(_main())
