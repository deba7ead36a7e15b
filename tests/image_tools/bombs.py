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


def large_jpeg():
    """Its header says 65500 x 65500."""
    jpeg = bytearray(saved(Image.new("L", (8, 8)), "JPEG"))
    at = jpeg.index(b"\xff\xc0")
    jpeg[at + 5 : at + 9] = struct.pack(">HH", 65500, 65500)
    return bytes(jpeg)


def large_webp():
    """Lossless, 16384 x 16384, without data."""
    body = b"\x2f" + struct.pack("<I", 16383 | 16383 << 14)
    return b"RIFF" + struct.pack("<I", 4 + 8 + 6) + b"WEBPVP8L" + struct.pack("<I", 5) + body + b"\0"


def frames(form):
    """Three hundred frames, of which one is looked at."""
    made = [Image.new("RGB", (32, 32), (index % 256, 0, 0)) for index in range(300)]
    return saved(made[0], form, save_all=True, append_images=made[1:])


def exif_bomb():
    """A directory of metadata that points at itself."""
    loop = b"II*\0\x08\0\0\0" + struct.pack("<HHHII", 1, 0x8769, 4, 1, 8) + struct.pack("<I", 8)
    return saved(ROOM, "JPEG", exif=b"Exif\0\0" + loop)


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
    "a jpeg of four gigapixels": (large_jpeg(), "the limit is 25000000"),
    "a webp of 268 megapixels": (large_webp(), "the limit is 25000000"),
    "a webp cut off": (saved(Image.effect_noise((300, 300), 90), "WEBP")[:2000], "does not decode"),
    "an animated webp": (frames("WEBP"), None),
    "an animated png": (frames("PNG"), None),
    "metadata that leads back to itself": (exif_bomb(), None),
    "no colour profile": (saved(ROOM, "PNG", icc_profile=b"\xff" * 100_000), None),
    "an svg": (b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>', "is no PNG"),
    "two thousand frames": (long_gif(), None),
    "a web page": (b"<html><img src=x onerror=alert(1)></html>", "is no PNG, JPEG, GIF or WebP"),
    "an empty picture": (png(0, 7, b""), "is no PNG, JPEG, GIF or WebP"),
    "a tiff": (saved(ROOM, "TIFF"), "is no PNG, JPEG, GIF or WebP"),
    "postscript behind a head of png": (b"\x89PNG\r\n\x1a\n%!PS-Adobe-3.0 EPSF-3.0", "pixels"),
}
