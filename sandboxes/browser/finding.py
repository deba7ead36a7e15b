"""Finds what a browser's box needs of this machine: Chromium and its fonts, Playwright, and what a Python box needs.

Does NOT protect against: a Chromium or a package on this machine that somebody has tampered with.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandboxes.browser.boxes import BoxedBrowser
from sandboxes.interpreter import SITE, Interpreter, find_interpreter
from sandboxes.probe import find_bwrap

INSTALL = "apt-get install chromium-headless-shell fonts-dejavu-core && pip install -e '.[tools]' -c constraints.txt"
# The distribution's own programs: its start script in /usr/bin reads files that the box does not show. The headless
# shell first: without a desktop's windows it draws a page in a third of the time.
_CHROMIUMS = (
    "/usr/lib/chromium/chromium-headless-shell",
    "/usr/lib/chromium/chromium",
    "/usr/lib64/chromium-browser/chromium-browser",
    "/opt/google/chrome/chrome",
)
_PACKAGES = ("playwright", "greenlet", "typing_extensions")
_FONTS = ("/etc/fonts", "/usr/share/fonts", "/usr/share/fontconfig", "/usr/local/share/fonts")


@dataclass(frozen=True)
class BrowserParts:
    """`binds` maps host paths to box paths; `program` is Chromium's path, the same on both sides."""

    bwrap: Path
    interpreter: Interpreter
    program: str
    binds: tuple[tuple[str, str], ...]

    @property
    def digest(self) -> str:
        """Changes with Chromium and Playwright."""
        size, changed = os.stat(self.program)[6], int(os.stat(self.program)[8])
        known = f"{importlib.metadata.version('playwright')} {size} {changed}"
        return hashlib.sha256(known.encode()).hexdigest()[:8]


def find_browser(**options: Any) -> BoxedBrowser | None:
    """The browser's boxes; None where something is missing, which `lacking` names. Nothing is started yet."""
    parts = find_parts()
    return BoxedBrowser(parts, **options) if parts is not None else None


def find_parts() -> BrowserParts | None:
    """None where something is missing."""
    bwrap, program = find_bwrap(), _chromium()
    places = [place for name in _PACKAGES if (place := _place(name)) is not None]
    if bwrap is None or program is None or len(places) < len(_PACKAGES):
        return None
    interpreter = find_interpreter()
    binds = [(source, target) for source, target in interpreter.binds if not target.startswith(f"{SITE}/")]
    binds += [(str(place), f"{SITE}/{place.name}") for place in places]
    folder = str(Path(program).parent)
    binds += [(one, one) for one in (folder, *_FONTS) if os.path.isdir(one)]
    binds.append((str(Path(__file__).parent / "in_box"), "/box/code/sandboxes/browser/in_box"))
    return BrowserParts(bwrap, interpreter, program, tuple(binds))


def lacking() -> tuple[str, ...]:
    """The names of what is not installed here."""
    found = {"bubblewrap": find_bwrap(), "chromium": _chromium(), **{one: _place(one) for one in _PACKAGES}}
    return tuple(name for name, place in found.items() if place is None)


def _chromium() -> str | None:
    return next((place for place in _CHROMIUMS if os.access(place, os.X_OK)), None)


def _place(name: str) -> Path | None:
    """The folder or file of a package."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        return None
    origin = Path(spec.origin)
    return origin.parent if spec.submodule_search_locations else origin
