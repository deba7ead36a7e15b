"""Reads text out of a picture with rapidocr: its models come with its package, and it starts no programs.

It finds lines; what stands beside each other in one height is one line of the text.
"""

from __future__ import annotations

import numpy

from tools.images.in_box.pictures import colours, opened

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    Line = dict[str, Any]


def read_lines(job: Mapping[str, Any]) -> dict[str, Any]:
    """Read `job["image"]`, or the part `job["box"]` of it (pixels; null: all): its text, and its lines with places."""
    from rapidocr_onnxruntime import RapidOCR

    image = opened(job["image"])
    left, top = (0, 0) if job["box"] is None else job["box"][:2]
    part = image if job["box"] is None else image.crop(job["box"])
    # Threads make sums come out in another order.
    reader = RapidOCR(intra_op_num_threads=1, inter_op_num_threads=1)
    pixels = numpy.ascontiguousarray(colours(part)[:, :, ::-1])  # blue first, as OpenCV has it
    found, _ = reader(pixels, use_det=job["layout"] != "line")
    if job["layout"] == "line":
        whole = [[0, 0], [part.width, part.height]]
        found = [[whole, text, sure] for text, sure in found or ()]
    lines = [_line(points, text, sure) for points, text, sure in found or ()]
    text = "\n".join(" ".join(one["text"] for one in row) for row in _rows(lines))
    placed = [{**one, "pixel_box": _moved(one["pixel_box"], left, top)} for one in lines]
    return {"text": text.strip(), "words": placed, "size": list(part.size)}


def _line(points: Any, text: str, sure: Any) -> Line:
    across, down = [float(x) for x, _ in points], [float(y) for _, y in points]
    box = [int(min(across)), int(min(down)), -int(-max(across) // 1), -int(-max(down) // 1)]
    return {"text": str(text), "confidence": round(float(sure), 3), "pixel_box": box}


def _rows(lines: list[Line]) -> list[list[Line]]:
    """From top to bottom; what begins above the middle of the row before it stands in that row."""
    rows: list[list[Line]] = []
    for line in sorted(
        lines, key=lambda one: (one["pixel_box"][1] + one["pixel_box"][3], one["pixel_box"][0])
    ):
        if rows:
            _, top, _, bottom = rows[-1][0]["pixel_box"]
            if (line["pixel_box"][1] + line["pixel_box"][3]) / 2 < bottom - (bottom - top) / 4:
                rows[-1].append(line)
                continue
        rows.append([line])
    return [sorted(row, key=lambda one: one["pixel_box"][0]) for row in rows]


def _moved(box: list[int], left: int, top: int) -> list[int]:
    return [box[0] + left, box[1] + top, box[2] + left, box[3] + top]
