"""What a text says behind its disguise: other letters, hidden characters, encodings, its letters apart or backwards.

Each reading keeps where its characters stand, so that what is found in it can be shown in the text itself. Every
reading is linear in the text and bounded; what is encoded twice, or in a way not known here, stays hidden.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import html
import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import NamedTuple
from urllib.parse import unquote

from judge_agent.guards.gate import Gate
from judge_agent.prompting.fences import without_invisible

MAX_GROWTH = 4
MAX_CODED_CHARS = 20_000
MAX_RUNS = 16
# What a text must hold to hold a run of any kind, and a word with digits for letters: loose, so that RE2 can read it.
_ANY_RUN = Gate(
    r"[a-z](?:[ .\-_*]{1,3}[a-z]){6}|[a-z0-9+/_-]{20}|(?:[0-9a-f]{2}(?:\\x|0x|[ ,:]){0,3}){12}"
    r"|(?:\\u[0-9a-f]{4}){4}|(?:&#?\w{1,8};\s?){4}|%[0-9a-f]{2}"
)
_ANY_LEET = Gate(r"[a-z][a-z0-9@$!]*[013457@$]|[013457@$][a-z0-9@$!]*[a-z]")
# Letters of other scripts that look like Latin ones, so that a planted text cannot hide behind its spelling.
_LOOKALIKES = str.maketrans(
    "аеорсухіјѕԁһӏгтмкнпвьАВЕКМНОРСТХІЈЅαεορυνικτηωγβΑΒΕΗΙΚΜΝΟΡΤΧΥΖıİɡɑɩʀᴀᴄᴅᴇɢʜɪᴊᴋʟᴍɴᴏᴘᴛᴜᴠᴡʏᴢꜱꜰʙ",
    "aeopcyxijsdhlrtmkhnbbABEKMHOPCTXIJSaeopuviktnwybABEHIKMNOPTXYZiigaiRACDEGHIJKLMNOPTUVWYZSFB",
)
_LEET = str.maketrans("013457@$!", "oieasta" + "si")
_LEET_WORD = re.compile(r"\b(?=\w*[a-z])[a-z0-9@$!]*[013457@$][a-z0-9@$!]*", re.IGNORECASE)
_APART = re.compile(r"(?<!\S)[^\W\d_](?:[ .\-_*]{1,3}[^\W\d_](?![^\W_])){6,}")
_BASE64 = re.compile(r"(?<![A-Za-z0-9+/=_-])[A-Za-z0-9+/_-]{20,4000}={0,2}(?![A-Za-z0-9+/=_-])")
_HEX = re.compile(r"(?<![0-9A-Fa-f])(?:(?:\\x|0x)?[0-9A-Fa-f]{2}[ ,:]?){12,2000}(?![0-9A-Fa-f])")
_HEX_SIGNS = re.compile(r"\\x|0x|[ ,:]")
_ESCAPED = re.compile(r"(?:\\u[0-9a-fA-F]{4}){4,2000}")
_ENTITIES = re.compile(r"(?:&#?\w{1,8};\s?){4,2000}")
_PERCENT = re.compile(r"(?<![\w.%-])[\w.-]{0,80}+(?:%[0-9A-Fa-f]{2}[\w.-]{0,80}+){3,400}")
# Words that are joined as in the name of a file.
_NAME = re.compile(r"[^\W_]{1,40}(?:[_.-]{1,2}[^\W_]{1,40}){2,24}")
_OVERRIDE = re.compile("[\u202d\u202e\u2066-\u2068]")


class Reading(NamedTuple):
    """One way to read a text, or a part of it.

    `places`: where each character stands; one pair stands for all where the part is shown as a whole. `how` names the
    disguise, '' where the text is read as it stands.
    """

    text: str
    start: int
    end: int
    places: Sequence[int] | None = None
    how: str = ""

    def span(self, begin: int, end: int) -> tuple[int, int]:
        """Where in the text the characters from `begin` to `end` of the reading stand."""
        if self.places is None:
            return self.start, self.end
        if begin >= end:
            return self.start, self.start
        first, last = self.places[begin], self.places[end - 1]
        return min(first, last), max(first, last) + 1


def unmasked(text: str) -> str:
    """The text without hidden characters, in Latin letters where others look like them; as long as it is at most x4."""
    if text.isascii():
        return text
    found = without_invisible(unicodedata.normalize("NFKC", text)).translate(_LOOKALIKES)
    # One ligature can become 18 letters; that is a load, no disguise.
    return found if len(found) <= MAX_GROWTH * len(text) else text


def placed(text: str) -> Reading:
    """`unmasked` with the place of every character; slower, and asked for only where something was found."""
    if text.isascii():
        return Reading(text, 0, len(text), range(len(text)))
    letters, places = list[str](), list[int]()
    for index, char in enumerate(text):
        shown = unmasked(char)
        letters.append(shown)
        places += [index] * len(shown)
    return Reading("".join(letters), 0, len(text), places)


def decoded(text: str) -> Iterator[Reading]:
    """What stands in the text in another form, each with its place."""
    if _ANY_RUN.opens(text):
        yield from _runs(text)
    if len(text) > MAX_CODED_CHARS:
        return
    if _NAME.fullmatch(text):
        yield Reading(re.sub("[_.-]", " ", text), 0, len(text), range(len(text)), "a name")
    if not text.isascii() and _OVERRIDE.search(text):
        shown = without_invisible(text)
        yield Reading(shown[::-1], 0, len(text), None, "backwards")
    if _ANY_LEET.opens(text) and _LEET_WORD.search(text):
        read = _LEET_WORD.sub(lambda match: match[0].translate(_LEET), text)
        yield Reading(read, 0, len(text), range(len(text)), "digits for letters")
    yield Reading(codecs.encode(text, "rot13"), 0, len(text), range(len(text)), "rot13")


def _runs(text: str) -> Iterator[Reading]:
    ways = (
        (_APART, "letters apart", _together),
        (_BASE64, "base64", _of_base64),
        (_HEX, "hexadecimal", _of_hex),
        (_ESCAPED, "escapes", _of_escapes),
        (_ENTITIES, "entities", html.unescape),
        (_PERCENT, "percent signs", unquote),
    )
    for pattern, how, read in ways:
        for index, match in enumerate(pattern.finditer(text)):
            if index >= MAX_RUNS:
                break
            said = read(match[0])
            if said is not None and said != match[0]:
                yield Reading(unmasked(said), match.start(), match.end(), None, how)


def put_together(text: str) -> str:
    """The text with runs of letters that stand apart written as words."""
    return _APART.sub(lambda match: _together(match[0]), text)


def _together(run: str) -> str:
    """Letters put together; where two gaps are wider than the others, a word ends there."""
    words = re.split(r"[ .\-_*]{2,3}", run)
    return " ".join(re.sub(r"[ .\-_*]", "", word) for word in words)


def _of_base64(run: str) -> str | None:
    padded = run.rstrip("=") + "=" * (-len(run.rstrip("=")) % 4)
    try:
        return _readable(base64.b64decode(padded.replace("-", "+").replace("_", "/"), validate=True))
    except (binascii.Error, ValueError):
        return None


def _of_hex(run: str) -> str | None:
    try:
        return _readable(bytes.fromhex(_HEX_SIGNS.sub("", run)))
    except ValueError:
        return None


def _of_escapes(run: str) -> str | None:
    points = [int(run[at + 2 : at + 6], 16) for at in range(0, len(run), 6)]
    return None if any(0xD800 <= point <= 0xDFFF for point in points) else "".join(map(chr, points))


def _readable(data: bytes) -> str | None:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return text if text.replace("\n", " ").replace("\t", " ").isprintable() else None
