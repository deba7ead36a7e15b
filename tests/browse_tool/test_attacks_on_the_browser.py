"""A page that tries every way out: nothing reaches the host, a network, or a file."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from judge_agent.seams.browser import OWN_ADDRESS, Answer, PageError, ServedSite

pytestmark = pytest.mark.anyio
ATTACK = (Path(__file__).parent / "attack.html").read_text()


def a_site(html: str) -> ServedSite:
    return ServedSite(
        f"{OWN_ADDRESS}index.html", {f"{OWN_ADDRESS}index.html": (Answer(html.encode(), "text/html"),)}
    )


@pytest.fixture
async def listened():
    """A server of TCP and UDP on the host; yields its port and what came to it."""
    heard: list[bytes] = []

    async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(200))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nAccess-Control-Allow-Origin: *\r\n\r\nok")
        writer.close()

    class Datagrams(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: object) -> None:
            heard.append(data)

    server = await asyncio.start_server(hear, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    loop = asyncio.get_running_loop()
    udp, _ = await loop.create_datagram_endpoint(Datagrams, local_addr=("127.0.0.1", port))
    yield port, heard
    udp.close()
    server.close()
    await server.wait_closed()


async def test_nothing_of_an_attacking_page_gets_out(browser, listened):
    port, heard = listened
    async with browser.visit(a_site(ATTACK.replace("PORT", str(port)))) as window:
        await window.do({"do": "go"}, timeout_seconds=30)
        done = {"do": "wait", "target": {"text": "all: tried"}}
        await window.do(done, timeout_seconds=60)
        text = await window.do({"do": "read", "what": "text", "target": {"css": "#told"}}, timeout_seconds=10)
        events = await window.do({"do": "events"}, timeout_seconds=10)
    assert heard == []
    assert "REACHED" not in text, text
    assert len(text.splitlines()) == 11
    tried = " ".join(events["words"]["outside"] + events["words"]["needed_outside"])
    for what in ("image", "script", "frame", "fetch", "socket", "beacon", "popup", "form"):
        assert f"/{what}" in tried, what


@pytest.mark.parametrize(
    "address", ["file:///etc/passwd", "view-source:file:///etc/passwd", "file:///proc/1/environ"]
)
async def test_files_of_the_host_are_not_there_even_for_who_drives_the_browser(browser, address):
    """The tool opens no such address; that the box has none of the host's files holds without it."""
    async with browser.visit(a_site("<h1>x</h1>")) as window:
        try:
            await window.do({"do": "go", "url": address}, timeout_seconds=20)
            shown = await window.do({"do": "read", "what": "text"}, timeout_seconds=10)
        except PageError:
            return
    assert "root:" not in shown
    assert "PATH=" not in shown or "/root" not in shown


async def test_the_box_has_no_network_interface(browser, listened):
    """Navigation by the driver itself is no request of a page: the interception lets nothing through either."""
    port, heard = listened
    async with browser.visit(a_site("<h1>x</h1>")) as window:
        with pytest.raises(PageError):
            await window.do({"do": "go", "url": f"http://127.0.0.1:{port}/"}, timeout_seconds=20)
    assert heard == []


async def test_windows_share_no_storage(browser):
    leaves = a_site(
        "<script>localStorage.a = 1; document.cookie = 'a=1'; indexedDB.open('a')</script><h1>x</h1>"
    )
    finds = a_site(
        "<p></p><script>document.querySelector('p').textContent = [localStorage.a, document.cookie]</script>"
    )
    async with browser.visit(leaves) as window:
        await window.do({"do": "go"}, timeout_seconds=30)
    async with browser.visit(finds) as window:
        await window.do({"do": "go"}, timeout_seconds=30)
        assert await window.do({"do": "read", "what": "text"}, timeout_seconds=10) == ","


async def test_the_same_seed_shows_the_same_numbers_and_times(browser):
    html = "<p></p><script>document.querySelector('p').textContent=[Math.random(),new Date().getFullYear()]</script>"
    shown = []
    for seed in (1, 1, 2):
        async with browser.visit(a_site(html), seed=seed) as window:
            await window.do({"do": "go"}, timeout_seconds=30)
            shown.append(await window.do({"do": "read", "what": "text"}, timeout_seconds=10))
    assert shown[0] == shown[1] != shown[2]
    assert shown[0].endswith(",2026")
