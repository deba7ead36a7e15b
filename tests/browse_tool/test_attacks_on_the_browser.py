"""A page that tries every way out: nothing reaches the host, a network, or a file."""

from __future__ import annotations

import asyncio
import re
import socket
from pathlib import Path

import pytest

from judge_agent.seams.browser import OWN_ADDRESS, Answer, PageError, ServedSite

pytestmark = pytest.mark.anyio
ATTACK = (Path(__file__).parent / "attack.html").read_text()
ATTEMPTS = ATTACK.count("\nattempt(")
# What the same page does reach in a browser without a box.
WAYS_OUT = frozenset((Path(__file__).parent / "ways_out.txt").read_text().split())
DATAGRAM = b"datagram "


def a_site(html: str) -> ServedSite:
    return ServedSite(
        f"{OWN_ADDRESS}index.html", {f"{OWN_ADDRESS}index.html": (Answer(html.encode(), "text/html"),)}
    )


class Listening:
    """A server of TCP and UDP on every address of this machine. `heard` are the first bytes of all that came."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.page = b""

    async def hear(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await reader.read(2000)
        self.heard.append(asked)
        body = self.page if asked.startswith(b"GET /attack.html") else b"1"
        head = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n"
        writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        writer.close()

    @property
    def paths(self) -> set[str]:
        """What was asked for over HTTP; `datagram` where one came, `other` for what else there was (TLS)."""
        lines = [one.partition(b"\r\n")[0] for one in self.heard]
        asked = [re.fullmatch(rb"[A-Z]+ /(\S*) HTTP/1.1", line) for line in lines]
        paths = {one[1].decode() if one is not None else "other" for one in asked}
        return paths | {"datagram" for one in self.heard if one.startswith(DATAGRAM)}


class Datagrams(asyncio.DatagramProtocol):
    def __init__(self, heard: list[bytes]) -> None:
        self._heard = heard

    def datagram_received(self, data: bytes, addr: object) -> None:
        self._heard.append(DATAGRAM + data)


def own_address() -> str:
    """The address by which this machine would speak to others; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        try:
            asked.connect(("192.0.2.254", 9))
        except OSError:
            pytest.skip("this machine has no address but loopback")
        return str(asked.getsockname()[0])


@pytest.fixture(params=["loopback", "host"])
async def listened(request):
    """Yields the address of a server on this machine, and the server."""
    address = "127.0.0.1" if request.param == "loopback" else own_address()
    listening = Listening()
    server = await asyncio.start_server(listening.hear, "0.0.0.0", 0)
    port = server.sockets[0].getsockname()[1]
    loop = asyncio.get_running_loop()
    udp, _ = await loop.create_datagram_endpoint(
        lambda: Datagrams(listening.heard), local_addr=("0.0.0.0", port)
    )
    listening.page = ATTACK.replace("ADDRESS", f"{address}:{port}").encode()
    yield f"{address}:{port}", listening
    udp.close()
    server.close()
    await server.wait_closed()


def at(address: str, html: str) -> ServedSite:
    """A page recorded at the server's own address: no policy of the browser's stands between it and the server."""
    entry = f"http://{address}/attack.html"
    return ServedSite(entry, {entry: (Answer(html.encode(), "text/html"),)}, own=False)


async def test_nothing_of_an_attacking_page_gets_out(browser, listened):
    address, listening = listened
    async with browser.visit(at(address, listening.page.decode())) as window:
        await window.do({"do": "go"}, timeout_seconds=30)
        await window.do({"do": "wait", "target": {"text": "all: tried"}}, timeout_seconds=60)
        text = await window.do({"do": "read", "what": "text", "target": {"css": "#told"}}, timeout_seconds=10)
        events = await window.do({"do": "events"}, timeout_seconds=10)
    assert listening.heard == []
    assert "REACHED" not in text, text
    assert len(text.splitlines()) == ATTEMPTS + 1, text
    tried = " ".join(events["words"]["outside"] + events["words"]["needed_outside"])
    for what in ("image", "script", "frame", "fetch", "socket", "beacon", "popup", "form"):
        assert f"/{what}" in tried, what


@pytest.mark.slow
async def test_outside_of_the_box_the_same_page_gets_out(browser, listened):
    """So that silence inside of it means something."""
    from playwright.async_api import async_playwright

    address, listening = listened
    async with async_playwright() as playwright:
        bare = await playwright.chromium.launch(executable_path=browser.program, args=["--no-sandbox"])
        page = await bare.new_page()
        await page.goto(f"http://{address}/attack.html")
        await page.get_by_text("all: tried").wait_for(timeout=60_000)
        text = await page.locator("#told").inner_text()
        await bare.close()
    assert WAYS_OUT - listening.paths == set(), text


@pytest.mark.slow
@pytest.mark.parametrize(
    "way",
    [
        "location = URL",
        "location.replace(URL)",
        "document.write('<meta http-equiv=refresh content=\"0; url=' + URL + '\">')",
        "location = 'view-source:' + URL",
        "location = 'blob:' + URL",
        "location = 'data:text/html,<img src=' + URL + '>'",
        "document.write('<form method=post action=' + URL + '></form>'); document.forms[0].submit()",
        "window.open(URL); window.open(URL, '_self')",
    ],
)
async def test_a_page_that_goes_elsewhere_arrives_nowhere(browser, listened, way):
    address, listening = listened
    html = f"<h1>x</h1><script>const URL = 'http://{address}/elsewhere'; setTimeout(() => {{ {way} }}, 20)</script>"
    async with browser.visit(at(address, html)) as window:
        await window.do({"do": "go"}, timeout_seconds=30)
        await window.do({"do": "wait", "wait_seconds": 0.3}, timeout_seconds=20)
    assert listening.heard == []


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
    address, listening = listened
    async with browser.visit(a_site("<h1>x</h1>")) as window:
        with pytest.raises(PageError):
            await window.do({"do": "go", "url": f"http://{address}/"}, timeout_seconds=20)
    assert listening.heard == []


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
