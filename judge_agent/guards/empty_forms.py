"""Forms that wait for an answer: empty boxes, tags and fences, placeholders, the same word again and again.

What is taken off is only what wraps: a box with something in it is judged by what is in it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

_TAG_NAMES = (
    r"(?:answer|final_answer|final-answer|finalanswer|solution|response|output|result|final|reasoning|thought"
    r"|thoughts"
    r"|explanation|analysis|scratchpad)"
)
_WRAPPERS = re.compile(
    rf"</?{_TAG_NAMES}\s*/?>"
    r"|\\(?:boxed|fbox|text|textbf|textit|textrm|mathrm|mathbf|mathit|mathsf|operatorname|emph|underline|mbox|hbox"
    r"|displaystyle|left|right|quad|qquad|"
    r"square|blacksquare|therefore|qed|ldots|dots|cdots|hspace|vspace|phantom|frac|sqrt|section|subsection"
    r"|paragraph|title|item|noindent)\b\*?"
    r"|\\(?:begin|end)\s*\{[a-z*]{1,20}\}|\\[\[\]()!,;:~_ ]|\\\\|[$&~]+",
    re.IGNORECASE,
)
_MARKUP = re.compile(
    rf"\\(?:boxed|fbox|text|section|subsection|paragraph|emph|underline|math|frac|sqrt|begin|\[|\()|[$]"
    rf"|<{_TAG_NAMES}\b",
    re.IGNORECASE,
)
# Marks of chats and of pages that say nothing by themselves.
_OWN_TAGS = re.compile(r"<\|[a-z_]{1,24}\|>|\[/?inst\]|<</?sys>>|</?(?:s|think|thinking|answer)\s*/?>")
_BARE_TAGS = re.compile(
    r"<\|start_header_id\|>\s*+(?:assistant|user|system)?\s*+<\|end_header_id\|>"
    rf"|{_OWN_TAGS.pattern}|<!--\s*-->|<!doctype html>|&(?:nbsp|zwnj|zwj|ensp|emsp|thinsp);"
    r"|</?(?:html|head|body|main|div|span|p|br|hr|table|tr|td|ol|ul|li|xml|steps?|bos|eos|pad|unk|sep|cls|mask)\s*/?>"
    r"|\[/?(?:bos|eos|pad|unk|sep|cls|mask)\]"
)
_PAGE_TAGS = re.compile(r"</?(?:b|i|em|strong|u|p|div|span|h[1-6]|center|ul|ol|li)\s*/?>")
_FENCE_HEAD = re.compile(
    r"^[ \t]*`{3,}(?:text|plaintext|plain|txt|markdown|md|latex|tex)[ \t]*$", re.MULTILINE
)
# Names of places to be filled in, as forms, chats and agents have them; each with its colon.
_SLOT_HEAD = (
    r"(?:user|system|human|assistant|ai|input|hint|tip|example|tl;?dr|context|final|work|reasons?|given(?: data)?"
    r"|(?:to )?find|required|known|assume|assumptions?|methodology|working(?: out)?|problem statement|instructions?"
    r"|action(?: input)?|observation|tool|(?:first|next|last|final|key) (?:step|answer|thought)s?|thoughts?"
    r"|answer|solution"
    r"|response|explanation|reasoning|conclusion|results?|output|proof|analysis|step \d{1,2}|approach|plan"
    r"|question|problem"
    r"|task|q|a|calculations?|verification|check|formula|steps?)"
)
_SLOT_HEADS = re.compile(
    rf"(?=\W*\w[\w;]+|\W*\w\s*[:\uff1a]\W*\w)(?:[\s*_#>-]*+{_SLOT_HEAD}[\s*_]*+[:\uff1a][\s*_]*+)+"
)
_PENDING = re.compile(
    r"[\s*_(\[]*(?:loading|processing|calculating|computing|generating|solving|answering|searching|analy[sz]ing"
    r"|working"
    r"|preparing|writing)(?: (?:on )?(?:it|(?:the|your|an?|my) )?(?:answer|response|solution|question|problem"
    r"|request|data)?)?"
    r"\s*(?:\.\.\.|\u2026)[\s*_)\]]*"
)
_GIBBERISH = re.compile(r"(?:(?:bla+h?|yada|etc|lorem|la)\b[\s,.!]*){2,}")
_LABELLED = re.compile(r"(?:the |my )?(?:final )?(?:answer|solution|response|result)\s*(?:[:\uff1a]|is)\s*")
_ABBREVIATED = re.compile(r"(?:q|a|ans|sol|resp)\s*[:\uff1a]")
# fmt: off
_JSON_NAMES = frozenset((
    "answer", "final_answer", "finalanswer", "solution", "response", "result", "output", "reasoning",
    "thought", "thoughts", "thinking", "explanation", "rationale", "analysis", "steps", "text",
    "content", "final", "thought_process", "chain_of_thought", "step_by_step", "steps_taken", "conclusion", "summary",
    "final_response", "final_result",
))
# fmt: on
_FENCED_JSON = re.compile(r"`{3,}(?:json)?\s*(.*?)\s*`{3,}", re.DOTALL)
_IDLE_CODE = re.compile(
    r"\s*(?:(?:async )?def \w+\([^()]{0,200}\)(?: -> [\w\[\], .|]{1,60})?:|class \w+(?:\([\w., ]{0,80}\))?:"
    r"|pass|\.\.\.|raise notimplementederror(?:\([^()]{0,80}\))?|(?:#|//).*|\}|\{"
    r"|(?:function|public|private|static|void|int|string)\b[\w ()<>,\[\]]{0,160}\{\s*\}?)?\s*"
)
_IDLE_BODY = re.compile(r"\s*(?:pass|\.\.\.|raise notimplementederror\b.*|.*\{\s*\})\s*")
_NOTHING = re.compile(r"[\s.,:;!?_{}()\[\]\u2026\u3002\uff0c\uff1a*#`'\"-]*+")
_BRACKETED = re.compile(
    r"\s*+(?:answer|solution|final answer|the answer is|response)?[:\s]*"
    r"(?:\[\[?([^\[\]{}<>]{1,120})\]\]?|\{\{?([^\[\]{}<>]{1,120})\}\}?|<([^\[\]{}<>/]{1,120})>"
    r"|\(([^()\[\]{}<>]{1,120})\)|__+([^_]{1,120})__+"
    r"|%%?([^%]{1,120})%%?)[\s.]*+",
)
# fmt: off
_SLOT_NAMES = frozenset((
    "answer", "answers", "solution", "response", "result", "placeholder", "insert", "enter", "fill",
    "put", "write", "tbd", "todo", "blank", "missing", "omitted", "goes", "explanation", "reasoning",
    "content",
))
_SLOT = _SLOT_NAMES | frozenset((
    "your", "my", "the", "a", "an", "value", "final", "here", "in", "add", "type", "text", "to", "be",
    "provided", "completed", "determined", "filled", "out", "with", "correct", "of", "for", "this",
    "question", "problem", "task", "number", "output", "code", "is", "etc", "please", "it", "and",
    "below", "above", "later",
))
# fmt: on
_UNFINISHED = re.compile(
    r"(?:to be (?:determined|done|completed|continued|added|filled(?: in)?|announced)|(?:answer|solution|content"
    r"|text|explanation|response) (?:goes|will go|to go|comes|"
    r"here|to be \w+|pending|coming soon|will be \w+)(?: (?:here|later|soon|below|in|added|provided|inserted))*"
    r"|todo|fixme|tbd|placeholder|"
    r"insert (?:your |the )?(?:answer|solution|response|text)(?: here)?|(?:your|write|enter|type|put) (?:your "
    r"|the )?(?:answer|solution|response|text)(?: here)?|"
    r"coming soon|work in progress|under construction|lorem ipsum(?:[ ,.]+\w+){0,200}|"
    r"(?:escribe|inserta|pon) (?:tu|la|su) (?:respuesta|soluci[o\u00f3]n)(?: aqu[i\u00ed])?|"
    r"(?:ins\u00e9rez|insere|mettez) (?:votre|ta|la) (?:r\u00e9ponse|solution)(?: ici)?|(?:hier )?(?:antwort"
    r"|l\u00f6sung) (?:hier )?(?:einf\u00fcgen|eintragen|einsetzen)|"
    r"(?:\u5728\u6b64|\u5728\u8fd9\u91cc)?(?:\u8f93\u5165|\u586b\u5199|\u63d2\u5165)(?:\u60a8\u7684"
    r"|\u4f60\u7684)?(?:\u7b54\u6848|\u56de\u7b54)|(?:\u5f85\u8865\u5145|\u5f85\u5b9a|\u5f85\u586b\u5199"
    r"|\u5f85\u7eed)|(?:\u3053\u3053\u306b)?(?:\u7b54\u3048|\u56de\u7b54)\u3092(?:\u5165\u529b|\u8a18\u5165"
    r"|\u66f8\u304f?)(?:\u3057\u3066\u304f\u3060\u3055\u3044)?)"
)
_COMMENT_LINE = re.compile(r"\s*(?:#|//|--|/\*|\*/|\*|<!--|-->|%|;)?\s*(.*?)\s*(?:\*/|-->)?\s*")
_FENCE = re.compile(r"^\s*(?:`{3,}|~{3,})[\w+#.-]*\s*$")
_STUB = re.compile(
    r"(?:your|write|insert|add|put|enter|place|implement|fill|code|solution|answer|todo|fixme|tbd"
    r"|implementation)\b[\w ,.'!:-]{0,80}"
)
MAX_STUB_LINES = 20
MAX_JSON_CHARS = 1000
MAX_FORM_CHARS = 300
LONELY_REPEATS = 4  # of a word that announces an answer
FOREIGN_REPEATS = 8  # of any other word


def unwrapped(text: str) -> str:
    """A plain text without tags and LaTeX that only wrap; the text itself where it has none."""
    text = _PAGE_TAGS.sub(" ", _FENCE_HEAD.sub("```", text))
    return _WRAPPERS.sub(" ", text) if _MARKUP.search(text) else text


def is_empty_markup(text: str) -> bool:
    """Whether a plain text has markup for an answer, and nothing in it: "\\boxed{}", "<answer></answer>"."""
    if not _MARKUP.search(text) or "\\{" in text or "\\emptyset" in text:
        return False
    return bool(_NOTHING.fullmatch(_WRAPPERS.sub(" ", text)))


def is_bare_tags(text: str) -> bool:
    """Whether a plain text is nothing but marks of a chat or a page: "<|im_end|>", "<html><body></body></html>"."""
    return _is_only(_BARE_TAGS, text)


def is_own_tags(text: str) -> bool:
    """Whether a plain text is nothing but marks with which a model's own output is kept apart: of a page none is."""
    return _is_only(_OWN_TAGS, text)


def _is_only(marks: re.Pattern[str], text: str) -> bool:
    return bool(marks.search(text)) and bool(_NOTHING.fullmatch(marks.sub(" ", text)))


def is_abbreviated_label(text: str) -> bool:
    """Whether a plain text is "A:" with nothing behind it."""
    return bool(_ABBREVIATED.fullmatch(text.strip("*_# ")))


def is_form(text: str) -> bool:
    """Whether a plain text is nothing but names with a colon and nothing behind: "Given:", "Thought: Action:"."""
    return len(text) <= MAX_FORM_CHARS and bool(_SLOT_HEADS.fullmatch(text))


def is_empty_json(text: str) -> bool:
    """Whether a plain text is JSON that holds an answer's names, or none, and no value."""
    fenced = _FENCED_JSON.fullmatch(text)
    source = (fenced[1] if fenced else text).strip()
    if not source.startswith(("{", "[")) or len(source) > MAX_JSON_CHARS:
        return False
    try:
        return _holds_nothing(json.loads(source))
    except (ValueError, RecursionError):
        return False


def _holds_nothing(value: object) -> bool:
    if isinstance(value, dict):
        return set(value) <= _JSON_NAMES and all(map(_holds_nothing, value.values()))
    if isinstance(value, list):
        return all(map(_holds_nothing, value))
    return value is None or (isinstance(value, str) and not value.strip(" ."))


def is_idle_code(text: str) -> bool:
    """Whether a plain text is a program of which every line is a head, a comment or a `pass`."""
    lines = [line for line in text.split("\n") if line.strip() and not _FENCE.match(line)]
    if not lines or len(lines) > MAX_STUB_LINES or not any(_IDLE_BODY.fullmatch(line) for line in lines):
        return False
    return all(_IDLE_CODE.fullmatch(line) for line in lines)


def is_placeholder(text: str) -> bool:
    """Whether a plain text is a slot that nobody filled in: "[your answer here]", "TODO", a fence with a comment."""
    bare = text.strip(" \t\n.:*_#`!-")
    if _UNFINISHED.fullmatch(_LABELLED.sub("", bare, count=1).strip("[](){}<> *_")):
        return True
    if _PENDING.fullmatch(text) or _GIBBERISH.fullmatch(text):
        return True
    match = _BRACKETED.fullmatch(text)
    if match:
        words = re.findall(r"[^\W_]+", next(group for group in match.groups() if group is not None))
        return bool(words) and set(words) <= _SLOT and not _SLOT_NAMES.isdisjoint(words)
    return _is_stub(text)


def _is_stub(text: str) -> bool:
    """A fenced block that is empty, or in which every line is a comment that says where code would go."""
    lines = [line for line in text.split("\n") if line.strip()]
    inside = [line for line in lines if not _FENCE.match(line)]
    if len(lines) == len(inside) or len(inside) > MAX_STUB_LINES:
        return False
    marked = [line.lstrip().startswith(("#", "//", "--", "/*", "<!--", "%")) for line in inside]
    said = [_COMMENT_LINE.fullmatch(line) for line in inside]
    return all(marked) and all(match is not None and _STUB.fullmatch(match[1].strip(". ")) for match in said)


def repeated_word(words: Sequence[str]) -> str | None:
    """The word that a text repeats, and nothing else; None for numbers, signs, and texts that say two things."""
    first = next(iter(words), "")
    if len(words) >= LONELY_REPEATS and first.isalpha() and all(word == first for word in words):
        return first
    if len(words) == 1 and len(first) >= FOREIGN_REPEATS and first.isalpha() and len(set(first)) == 1:
        return first
    return None
