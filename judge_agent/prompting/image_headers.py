"""Reads the header of a picture: which of four types it is, and how large. Decodes nothing, in bounded work."""

from __future__ import annotations

import struct
from typing import NamedTuple

MAX_SEGMENTS = 4096  # of a JPEG before its frame; fill bytes count


class Header(NamedTuple):
    """What a picture is, and how many pixels it has."""

    media_type: str
    width: int
    height: int


def header_of(content: bytes) -> Header | None:
    """What a picture's first bytes say; the type that the request declares counts for nothing."""
    try:
        if content.startswith(b"\x89PNG\r\n\x1a\n"):
            return Header("image/png", *struct.unpack(">II", content[16:24]))
        if content.startswith((b"GIF87a", b"GIF89a")):
            return Header("image/gif", *struct.unpack("<HH", content[6:10]))
        if content.startswith(b"\xff\xd8\xff"):
            return _jpeg(content)
        if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
            return _webp(content)
    except (struct.error, IndexError):
        return None
    return None


def _jpeg(content: bytes) -> Header | None:
    """Walk the segments to the frame header (SOF0 to SOF15 but for the tables), as in ITU-T T.81, annex B."""
    at = 2
    for _ in range(MAX_SEGMENTS):
        if content[at] != 0xFF:
            return None
        marker = content[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", content[at + 5 : at + 9])
            return Header("image/jpeg", width, height)
        at += 2 + struct.unpack(">H", content[at + 2 : at + 4])[0]
    return None


def _webp(content: bytes) -> Header | None:
    """The three kinds of the WebP container (RFC 9649): lossy, lossless, extended."""
    kind = content[12:16]
    if kind == b"VP8 ":
        width, height = struct.unpack("<HH", content[26:30])
        return Header("image/webp", width & 0x3FFF, height & 0x3FFF)
    if kind == b"VP8L":
        (bits,) = struct.unpack("<I", content[21:25])
        return Header("image/webp", (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if kind == b"VP8X":
        width = int.from_bytes(content[24:27], "little") + 1
        return Header("image/webp", width, int.from_bytes(content[27:30], "little") + 1)
    return None
