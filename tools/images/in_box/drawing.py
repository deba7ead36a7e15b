"""Draws an SVG with resvg: no scripts, no network, no files; fonts are those that the box holds."""

from __future__ import annotations

import pathlib

from tools.images.in_box.pictures import Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


def draw(job: Mapping[str, Any]) -> dict[str, Any]:
    """Write `drawing.png`: the SVG in the file `job["file"]`, at most `job["size"]` large. Raises Refused."""
    import resvg_py

    source = pathlib.Path(job["file"]).read_text(encoding="utf-8")
    width, height = job["size"]
    try:
        content = resvg_py.svg_to_bytes(
            svg_string=source,
            background="#ffffff",
            width=width,
            height=height,
            skip_system_fonts=True,
            font_dirs=job["fonts"],
            font_family="DejaVu Sans",
            sans_serif_family="DejaVu Sans",
            serif_family="DejaVu Serif",
            monospace_family="DejaVu Sans Mono",
        )
    except ValueError as error:
        raise Refused(f"the SVG does not render: {error}"[:200]) from error
    pathlib.Path("drawing.png").write_bytes(bytes(content))
    return {"bytes": len(content)}
