"""Pictures that are made to harm: small files that would take much memory or time, or that lie about themselves."""

import io
import struct
import zlib

from PIL import Image


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, pixels, *more, bits=8, colour=0):
    head = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    body = b"".join(more) + chunk(b"IDAT", pixels)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + body + chunk(b"IEND", b"")


def zeros(count):
    packer = zlib.compressobj(9)
    block = bytes(1 << 20)
    parts = [packer.compress(block) for _ in range(count >> 20)]
    return b"".join([*parts, packer.compress(bytes(count & 0xFFFFF)), packer.flush()])


def saved(image, form, **options):
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def wide_gif():
    """A logical screen of 10 x 10 whose frame is 60000 x 60000."""
    gif = bytearray(saved(Image.new("P", (10, 10)), "GIF"))
    at = gif.index(b",")
    gif[at + 5 : at + 9] = struct.pack("<HH", 60000, 60000)
    return bytes(gif)


def long_gif():
    """Two thousand frames, of which one is looked at."""
    frames = [Image.new("P", (64, 64), index % 256) for index in range(2000)]
    return saved(frames[0], "GIF", save_all=True, append_images=frames[1:], optimize=False)


def broken_jpeg():
    jpeg = bytearray(saved(Image.effect_noise((64, 64), 80), "JPEG"))
    jpeg[len(jpeg) // 2 :] = b"\xff\xd9"
    return bytes(jpeg)


ROOM = Image.new("RGB", (4, 4), "red")
# name: (bytes, what the refusal says; None: it is looked at)
BOMBS = {
    "too many pixels": (png(30_000, 30_000, zeros(120_000_000), bits=1), "the limit is 25000000"),
    "pixels without data": (png(60_000, 60_000, b""), "the limit is 25000000"),
    "a side without end": (png(40_000, 2, zeros(80_002)), "has a side of 40000 pixels; the limit is 30000"),
    "more data than its header says": (png(4, 4, zeros(200_000_000)), None),
    "a hundred megabytes of text": (
        png(4, 4, zeros(20), chunk(b"zTXt", b"a\0\0" + zeros(100_000_000))),
        "does not decode",
    ),
    "a colour profile that swells": (
        png(4, 4, zeros(20), chunk(b"iCCP", b"a\0\0" + zeros(100_000_000))),
        "does not decode",
    ),
    "cut off": (saved(Image.effect_noise((300, 300), 90), "PNG")[:5000], "does not decode"),
    "a jpeg that ends early": (broken_jpeg(), None),
    "a frame larger than its screen": (wide_gif(), "its decoder"),
    "two thousand frames": (long_gif(), None),
    "a web page": (b"<html><img src=x onerror=alert(1)></html>", "is no PNG, JPEG, GIF or WebP"),
    "an empty picture": (png(0, 7, b""), "is no PNG, JPEG, GIF or WebP"),
    "a tiff": (saved(ROOM, "TIFF"), "is no PNG, JPEG, GIF or WebP"),
    "postscript behind a head of png": (b"\x89PNG\r\n\x1a\n%!PS-Adobe-3.0 EPSF-3.0", "pixels"),
}
