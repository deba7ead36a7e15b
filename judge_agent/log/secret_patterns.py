"""Takes secrets out of what is logged: keys, tokens and passwords in well-known shapes.

Finds shapes, not meanings: a secret that looks like prose stays. Every pattern runs in linear time.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, NamedTuple

from judge_agent.log.lines import plain
from judge_agent.words_in import WordFinder


class Shape(NamedTuple):
    """One shape of secret. Its pattern runs only on texts that hold one of `hints` (in lower case)."""

    what: str
    hints: tuple[str, ...]
    pattern: re.Pattern[str]
    kept: str = ""


_NAMES = (
    "api_key", "api-key", "apikey", "secret", "access_key", "access-key", "accesskey", "private_key", "private-key",
    "privatekey",
)  # fmt: skip
# Between a name and its value: quotes, escaped ones too, and a colon or an equals sign.
_QUOTES = r"[\"'\\]{0,8}"
_IS = rf"{_QUOTES}\s{{0,3}}[:=]\s{{0,3}}"
# The same, or the comma of a list of names and values, which are quoted.
_TO = rf"(?:{_IS}|[\"'\\]{{1,8}}\s{{0,3}},\s{{0,3}}){_QUOTES}"
_VALUE = r"(?=[A-Za-z0-9_./+=~-]{0,200}[0-9])[A-Za-z0-9_./+=~-]"
_PASSWORDS = ("password", "passwd", "passphrase")
_PASSWORD = r"(?i:password|passwd|passphrase)"
# What may stand in a password without quotes, and what stands where a password would be but is none.
_PLAIN = r"[^\s\"'`<>()\[\]{},;\\]"
_NO_WORD = r"(?!(?i:none|null|true|false|required|redacted|str|bytes|self)\b|[$%*]|\.\.\.|os\.)"
_NO_CODE = r"(?![(\[])"  # what is called or indexed is an expression
_SHAPES = (
    Shape(
        "bearer token",
        ("bearer", "basic"),
        re.compile(
            r"(?i)\b(bearer|basic)(\s{1,4})"
            r"(?:(?=\S{0,200}[0-9])[A-Za-z0-9._~+/=-]{16,}|[A-Za-z]{24}[A-Za-z0-9._~+/=-]*)"
        ),
        r"\1\2",
    ),
    Shape(
        "authorization",
        ("authorization",),
        re.compile(
            rf"(?i)(authorization{_TO}(?:bearer|basic|digest|token|api-?key|key|bot|oauth|negotiate|ntlm)\s{{1,4}})"
            r"[A-Za-z0-9._~+/=-]{8,}"
        ),
        r"\1",
    ),
    Shape(
        "authorization",
        ("authorization",),
        # Of a scheme that is not known here, or of none, what holds a digit.
        re.compile(
            rf"(?i)(authorization{_TO}(?:[a-z][a-z0-9_-]{{1,31}}\s{{1,4}})?){_VALUE}{{8,}}+{_NO_CODE}"
        ),
        r"\1",
    ),
    Shape(
        "API key",
        ("sk-", "sk_", "pk-", "pk_", "rk-", "rk_", "jk-", "jk_"),
        re.compile(
            r"\b(?:sk-(?:proj|ant|svcacct|admin)-[A-Za-z0-9_-]{16,}"
            r"|(?:sk|pk|rk|jk)[-_](?=[A-Za-z0-9_-]{0,200}[0-9])[A-Za-z0-9_-]{16,})"
        ),
    ),
    Shape(
        "GitHub token",
        ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
        re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,})"),
    ),
    Shape("GitLab token", ("glpat-",), re.compile(r"\bglpat-[A-Za-z0-9_-]{16,}")),
    Shape(
        "AWS key", ("akia", "asia", "abia", "acca"), re.compile(r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b")
    ),
    Shape(
        "Google key", ("aiza", "ya29."), re.compile(r"\b(?:AIza[A-Za-z0-9_-]{30,}|ya29\.[A-Za-z0-9_-]{20,})")
    ),
    Shape("Slack token", ("xox",), re.compile(r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}")),
    Shape(
        "API key",
        ("nvapi-", "gsk_", "xai-", "pplx-", "r8_", "fw_", "tgp_v1_"),
        re.compile(
            r"\b(?:(?:nvapi|xai|pplx)-|(?:gsk|r8|fw|tgp_v1)_)(?=[A-Za-z0-9_-]{0,200}[0-9])[A-Za-z0-9_-]{16,}"
        ),
    ),
    Shape("Hugging Face token", ("hf_",), re.compile(r"\bhf_[A-Za-z0-9]{20,}")),
    Shape(
        "package index token",
        ("pypi-", "npm_"),
        re.compile(r"\b(?:pypi-[A-Za-z0-9_-]{30,}|npm_[A-Za-z0-9]{30,})"),
    ),
    Shape(
        "web token",
        ("eyj",),
        re.compile(r"(?<![A-Za-z0-9_.-])eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}"),
    ),
    Shape("password", ("://",), re.compile(r"(?<=://)[^\s:/@]{0,128}:[^\s/\"']{1,256}(?=@)")),
    Shape(
        "cookie",
        ("cookie",),
        re.compile(
            rf"(?i)(cookie{_QUOTES}\s{{0,3}}:\s{{0,3}}{_QUOTES})[A-Za-z0-9_.-]{{1,64}}=[^\"'\\\r\n]{{6,}}"
        ),
        r"\1",
    ),
    Shape(
        "secret",
        _PASSWORDS,
        # A variable of a shell or of a settings file: what stands behind the sign is the password, whatever it is.
        re.compile(
            rf"((?:(?m:^)|[\s;&?](?=[A-Z0-9_]+=)|[?&])(?:export )?[A-Za-z0-9_.]{{0,32}}{_PASSWORD}[0-9]?=)"
            rf"{_NO_WORD}{_PLAIN}{{4,}}+{_NO_CODE}"
        ),
        r"\1",
    ),
    Shape(
        "secret",
        _PASSWORDS,
        # Elsewhere it may be prose or code: a password has a letter and a digit, and no name of a password in it.
        re.compile(
            rf"({_PASSWORD}[A-Za-z0-9_-]{{0,24}}{_IS}{_QUOTES})(?=[^\s0-9]{{0,200}}[0-9])(?=[^\sA-Za-z]{{0,200}}[A-Za-z])"
            rf"{_NO_WORD}(?!=)(?!(?i:[\w.]{{0,64}}pass)){_PLAIN}{{4,}}+{_NO_CODE}"
        ),
        r"\1",
    ),
    Shape(
        "secret",
        _PASSWORDS,
        # A pair of name and value in a list, or the two in an object.
        re.compile(
            rf"([\"'][A-Za-z0-9_-]{{0,32}}{_PASSWORD}[0-9]?{_QUOTES}\s{{0,3}},\s{{0,3}}(?:{_QUOTES}value{_IS})?[\"'])"
            r"(?=[^\"'\n]{0,200}[0-9])[^\"'\\\n]{4,256}(?=[\"'])"
        ),
        r"\1",
    ),
    Shape(
        "secret",
        ("password", "passwd", "passphrase", "pwd"),
        re.compile(
            rf"(?i)((?:password|passwd|passphrase|pwd)[A-Za-z0-9_-]{{0,24}}{_IS}\\{{0,4}}[\"'])[^\"'\\\n]{{4,256}}"
        ),
        r"\1",
    ),
    Shape(
        "secret",
        _NAMES,
        re.compile(
            r"(?i)((?:api[_-]?key|secret|access[_-]?key|private[_-]?key)"
            rf"[A-Za-z0-9_-]{{0,24}}{_IS}{_QUOTES}){_VALUE}{{12,}}+{_NO_CODE}"
        ),
        r"\1",
    ),
    Shape(
        "secret",
        ("_pass", "-pass", "pass=", "pass:", "pwd"),
        re.compile(rf"(?i)((?:[_-]|\b)(?:pass|pwd){_IS}{_QUOTES}){_VALUE}{{8,}}+{_NO_CODE}"),
        r"\1",
    ),
    Shape(
        "secret",
        # Texts about models are full of tokens, so the hint is the name with what follows it.
        ("token=", "token:", 'token"', "token'", "token\\", "token =", "token :"),
        re.compile(rf"(?i)(token{_IS}{_QUOTES}){_VALUE}{{12,}}+{_NO_CODE}"),
        r"\1",
    ),
)
_KEY_BEGIN = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_KEY_END = re.compile(r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_SECRET_NAMES = {"authorization", "proxyauthorization", "cookie", "setcookie", "pass", "dbpass", "pwd"}
_SECRET_ENDS = (
    "apikey", "password", "passwd", "passphrase", "secret", "secretkey", "privatekey", "accesskey", "accesstoken",
    "refreshtoken", "authtoken", "sessiontoken",
)  # fmt: skip
REMEMBERED_BLOCKS = 32_768
REMEMBERED_NAMES = 4_096
_NameKind = Literal["secret", "token", "plain"]
# No secret reaches over the beginning of a line that is a fence of ours, so blocks are looked at one by one.
_FENCE_LINE = "\n====="
# A model's answer is made of tokens, too: those are words, and stay.
_WITH_DIGIT = re.compile(r"\d|\s")
_REDACTED = "[redacted: secret]"
MAX_NAME_CHARS = 128
_OPAQUE = re.compile(r"(?=\S{0,200}[0-9])\S{12,}")


class SecretFilter:
    """Takes secrets out, and remembers blocks without any: the prompts of a judgment repeat theirs.

    A block is remembered by Python's keyed 64-bit hash and its length: so many judgments in flight need little room.
    """

    def __init__(self) -> None:
        self._clean: OrderedDict[tuple[int, int], None] = OrderedDict()
        self._hints = WordFinder(hint for shape in _SHAPES for hint in shape.hints)
        self._kinds: dict[str, _NameKind] = {}

    def __call__(self, value: Any) -> Any:
        """Return the value as JSON data, every secret in texts, keys and values as `[redacted: <what>]`."""
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, Mapping):
            return self._mapping(value)
        if isinstance(value, (list, tuple, set, frozenset)):
            return self._list(value)
        return plain(value)

    def _named(self, key: str, item: Any) -> Any:
        kind = self._kind(key)
        if kind == "plain":
            return self(item)
        if isinstance(item, str) and item and (kind == "secret" or _OPAQUE.fullmatch(item)):
            return _REDACTED
        if isinstance(item, (list, tuple)) and kind == "secret":
            return [_REDACTED if isinstance(one, str) and one else self(one) for one in item]
        return self(item)

    def _kind(self, key: str) -> _NameKind:
        """What a name says of its value; remembered, for the same few names come with every event."""
        kind = self._kinds.get(key)
        if kind is None:
            opaque = _plain_name(key).endswith("token")
            kind = "secret" if _is_secret_name(key) else "token" if opaque else "plain"
            if len(key) <= MAX_NAME_CHARS and len(self._kinds) < REMEMBERED_NAMES:
                self._kinds[key] = kind
        return kind

    def _list(self, items: Iterable[Any]) -> list[Any]:
        """A list; of a pair of a secret's name and its value, as headers are often given, only the name."""
        found = list(items)
        if len(found) == 2 and all(isinstance(one, str) for one in found):
            name, value = found
            if self._kind(name) == "secret" and _WITH_DIGIT.search(value):
                return [name, _REDACTED]
        return [self(item) for item in found]

    def _mapping(self, data: Mapping[Any, Any]) -> dict[str, Any]:
        """An object; of one that says `name` and `value`, as captured headers do, by that name."""
        named = data.get("name", data.get("key"))
        kept = {self._text(name): self._named(name, item) for name, item in _by_text(data)}
        if isinstance(named, str) and self._kind(named) == "secret" and isinstance(data.get("value"), str):
            kept["value"] = _REDACTED
        return kept

    def _text(self, text: str) -> str:
        if len(text) < 8:
            return text
        text = _without_private_keys(text)
        if _FENCE_LINE not in text:
            return self._block(text)
        return _FENCE_LINE.join(self._block(block) for block in text.split(_FENCE_LINE))

    def _block(self, block: str) -> str:
        key = hash(block), len(block)
        if key in self._clean:
            self._clean.move_to_end(key)
            return block
        shaped = self._shaped(block)
        if shaped == block:
            self._clean[key] = None
            if len(self._clean) > REMEMBERED_BLOCKS:
                self._clean.popitem(last=False)
        return shaped

    def _shaped(self, text: str) -> str:
        """Run the patterns of the hints that are there: most texts hold none."""
        hints = self._hints(text.lower())
        for shape in _SHAPES if hints else ():
            if not hints.isdisjoint(shape.hints):
                text = shape.pattern.sub(f"{shape.kept}[redacted: {shape.what}]", text)
        return text


def without_secrets(value: Any) -> Any:
    """Return JSON data without secrets; for one value. Many are the business of one `SecretFilter`."""
    return SecretFilter()(value)


def _plain_name(key: str) -> str:
    """A key's letters: `DB-Password_2` is as good a name of a password as `password`."""
    return key.lower().replace("-", "").replace("_", "").rstrip("0123456789")


def _is_secret_name(key: str) -> bool:
    if len(key) > MAX_NAME_CHARS:
        return False
    name = _plain_name(key)
    return (
        name in _SECRET_NAMES or name.removesuffix("s").endswith(_SECRET_ENDS) or name.endswith(_SECRET_ENDS)
    )


def _by_text(value: Mapping[Any, Any]) -> Iterator[tuple[str, Any]]:
    return ((name if isinstance(name, str) else str(name), item) for name, item in value.items())


def _without_private_keys(text: str) -> str:
    """Cut PEM blocks out; one without an end takes the rest, for a cut-off key is still a key."""
    if "PRIVATE KEY" not in text:
        return text
    kept, position = [], 0
    while (begin := _KEY_BEGIN.search(text, position)) is not None:
        end = _KEY_END.search(text, begin.end())
        kept += [text[position : begin.start()], "[redacted: private key]"]
        position = end.end() if end else len(text)
    return "".join([*kept, text[position:]]) if kept else text
