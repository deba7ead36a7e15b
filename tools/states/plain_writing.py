"""Reads what an agent writes without its typography: quotes, dashes, spaces, marks of Markdown, groups of thousands."""

from __future__ import annotations

import html
import re
import unicodedata

_SIGNS = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201a\u201b\u02bc\u2032\u00b4`", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033", '"'),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d", "-"),
        **dict.fromkeys("\u00ad\u200b\u200c\u200d\u2060\ufeff\u200e\u200f", None),
    }
)
# What no one writes but between the groups of one number.
_GROUPS = re.compile(r"(?<=\d)(?:,|\{,\}|['_\u00a0\u202f\u2009\u2007])(?=\d{3}(?!\d))", re.ASCII)
_EUROPEAN = re.compile(r"(?<![\d.,])\d{1,3}(?:(?:\.\d{3})+,\d{1,2}|(?:\.\d{3}){2,})(?![\d,]|\.\d)", re.ASCII)
_TAG = re.compile(r"</?(?:b|i|em|strong|u|s|br|span|p|code|mark|li|td|th|tr)\b[^<>]{0,80}>", re.I)
_ESCAPED = re.compile(r"\\(?=[^\w\s])")
# Marks of emphasis stand at the border of a word; those within are the word's own.
_MARKS = re.compile(r"\*\*|~~|(?<!\w)(?:__?|\*)(?=\S)|(?<=[^\s_*])(?:__?|\*)(?!\w)")
_CODE = re.compile(r"`+([^`\n]*)`+")
_BLANKS = re.compile(r"[^\S\n]+")
# A line that goes on in the next one: that is no item of a list, no heading, no quotation, no row of a table.
_BROKEN = re.compile(r"(?<=[\w,;)'\"%-]) ?\n ?(?=[\w$('\"])(?!\d{1,3}[.)] )")
_LINK = re.compile(r"\[([^\[\]\n]{1,300})\]\([^()\s]{1,500}\)")


def plain(text: str) -> str:
    """The same words and numbers, in lower case, on one line, as plainly as they can be written."""
    text = _CODE.sub(r"\1", html.unescape(_TAG.sub(" ", text)))
    text = _GROUPS.sub(",", text.translate(_SIGNS))
    text = unicodedata.normalize("NFKC", text).translate(_SIGNS).casefold()
    text = _MARKS.sub("", _ESCAPED.sub("", _LINK.sub(r"\1", text)))
    text = _EUROPEAN.sub(
        lambda found: found.group().replace(".", "").replace(",", "."), " ".join(text.split())
    )
    return _GROUPS.sub("", text)


def unmarked(text: str) -> str:
    """The same words, case and sentences, without marks of emphasis, code and links, or breaks within a sentence."""
    text = _CODE.sub(r"\1", html.unescape(_TAG.sub(" ", text)))
    text = unicodedata.normalize("NFKC", text.translate(_SIGNS))
    text = _MARKS.sub("", _ESCAPED.sub("", _LINK.sub(r"\1", text)))
    return _BROKEN.sub(" ", _BLANKS.sub(" ", text))


def squashed(text: str) -> str:
    """The letters and digits alone: what is not even among these was surely not written."""
    return "".join(filter(str.isalnum, text))
