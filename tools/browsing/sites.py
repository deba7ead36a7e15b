"""What a window is given to show: a site of the request, the candidate's own files, or the one laid over the other.

Does not look into any file: HTML is read by the browser in its box alone.
"""

from __future__ import annotations

import base64
import mimetypes
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from judge_agent.errors import ToolError
from judge_agent.fenced_code import blocks
from judge_agent.resources.checking import MAX_SITE_BYTES
from judge_agent.schema import PageContent, Site
from judge_agent.seams.browser import OWN_ADDRESS, Answer, ServedSite
from judge_agent.seams.resources import ResourceFiles, ResourceMissing
from judge_agent.seams.tool import ToolView
from judge_agent.trajectory import final_answer
from tools.candidate_files import MAX_BYTES, MAX_FILES, plain_name

CANDIDATE = "candidate"
_INDEX = "index.html"
_PAGE = re.compile(r"\s*<(!doctype html|html[\s>]|svg[\s>])", re.IGNORECASE)
_LANGUAGES = {"html": _INDEX, "htm": _INDEX, "xhtml": _INDEX, "css": "style.css", "js": "script.js"}
_LANGUAGES |= {"javascript": "script.js", "svg": "index.svg"}
_DATA_URL = re.compile(r"data:([\w.+-]+/[\w.+-]+);base64,([A-Za-z0-9+/=\s]+)")
_KINDS = {"html": "text/html", "code": "text/plain", "json": "application/json"}


class Files(NamedTuple):
    """Files by their plain path. `left_out` says of each that is not there why."""

    answers: Mapping[str, Answer]
    left_out: Mapping[str, str] = {}


def has_page(view: ToolView) -> bool:
    """Whether the candidate brings something that a browser can open."""
    return any(_is_page(path) for path in candidate_files(view).answers)


def candidate_files(view: ToolView) -> Files:
    """The candidate's artifacts, else the fenced blocks of its final answer, else that answer where it is a page."""
    found: dict[str, Answer] = {}
    left_out: dict[str, str] = {}
    free = MAX_BYTES
    for artifact in view.trajectory.artifacts:
        path = plain_name(artifact.name)
        answer = _of_artifact(path, artifact.kind, artifact.content)
        if not path or answer is None or path in found or len(found) >= MAX_FILES or len(answer.body) > free:
            left_out[artifact.name[:80]] = (
                "no plain name, no readable content, a second one, or too many or large"
            )
            continue
        found[path] = answer
        free -= len(answer.body)
    if not any(_is_page(path) for path in found):
        for path, text in _written(final_answer(view.trajectory)):
            found.setdefault(path, _text(path, text))
    return Files(found, left_out)


async def served(
    site: Site, files: ResourceFiles | None, tenant: str, over: Mapping[str, Answer] | None = None
) -> ServedSite:
    """Read what the request names; `over` are files that replace or join the site's. Raises ToolError, StoreError."""
    if (recording := site.recording) is not None:
        recorded: dict[str, list[Answer]] = {}
        for one in recording:
            body, kind = await _content(one, one.url.partition("?")[0], site.name, files, tenant)
            recorded.setdefault(one.url, []).append(Answer(body, kind, one.status, one.method))
        _hold_size(site.name, [one for several in recorded.values() for one in several])
        answers = {url: tuple(several) for url, several in recorded.items()}
        return ServedSite(site.entry or _first_recorded(answers), answers, own=False)
    found: dict[str, Answer] = {}
    if site.html is not None:
        found[_INDEX] = _text(_INDEX, site.html)
    for file in site.files or ():
        found[file.path] = Answer(*await _content(file, file.path, site.name, files, tenant))
    found.update(over or {})
    _hold_size(site.name, list(found.values()))
    return own_site(found, site.entry)


def own_site(files: Mapping[str, Answer], entry: str | None = None) -> ServedSite:
    """Files below OWN_ADDRESS; a folder's address shows its index. Raises ToolError where none of them is a page."""
    first = entry or _first_page(files)
    if first is None:
        raise ToolError("there is no HTML page among the site's files; name one as its entry")
    answers = {OWN_ADDRESS + _quoted(path): (one,) for path, one in files.items()}
    for path, one in files.items():
        folder, _, name = path.rpartition("/")
        if name == _INDEX:
            answers.setdefault(OWN_ADDRESS + _quoted(f"{folder}/" if folder else ""), (one,))
    answers.setdefault(OWN_ADDRESS, answers[OWN_ADDRESS + _quoted(first)])
    return ServedSite(OWN_ADDRESS + _quoted(first), answers)


def address_in(site: ServedSite, page: str) -> str:
    """The address of a path or recorded address. Raises ValueError where the site has no such page."""
    path, mark, fragment = page.partition("#")
    url = path if "://" in path else OWN_ADDRESS + _quoted(path.removeprefix("/"))
    if url not in site.answers and url.partition("?")[0] not in site.answers:
        known = [one.removeprefix(OWN_ADDRESS) for one in list(site.answers)[:8]]
        raise ValueError(f"page: {page[:80]!r} is none of the site's pages, such as {known}")
    return url + mark + fragment


def _quoted(path: str) -> str:
    """As a browser writes it in an address."""
    return "".join(
        one
        if one.isascii() and (one.isalnum() or one in "-._~/!$&'()*+,;=:@?%[]^|")
        else "".join(f"%{byte:02X}" for byte in one.encode("utf-8", "replace"))
        for one in path
    )


def _first_recorded(answers: Mapping[str, Sequence[Answer]]) -> str:
    """The first page; the first of all where none is one. An archive may begin with a script or a picture."""
    pages = (url for url, given in answers.items() if given[0].media_type.startswith("text/html"))
    return next(pages, next(iter(answers)))


def _first_page(files: Mapping[str, Answer]) -> str | None:
    if _INDEX in files:
        return _INDEX
    pages = sorted((path for path in files if _is_page(path)), key=lambda path: (path.count("/"), path))
    return pages[0] if pages else None


def _is_page(path: str) -> bool:
    return path.lower().endswith((".html", ".htm", ".xhtml", ".svg"))


async def _content(
    one: PageContent, path: str, site: str, files: ResourceFiles | None, tenant: str
) -> tuple[bytes, str]:
    kind = one.media_type or media_type(path)
    if one.text is not None:
        return one.text.encode("utf-8", "replace"), kind
    if one.base64 is not None:
        try:
            return base64.b64decode(one.base64, validate=True), kind
        except ValueError as error:
            raise ToolError(f"site {site!r}: base64 of {path[:80]!r} cannot be read: {error}") from error
    if files is None:
        raise ToolError(f"site {site!r}: this judge has no store of files; give {path[:80]!r} inline")
    try:
        if one.blob is not None:
            return await files.read_blob(tenant, one.blob), kind
        assert one.root_name is not None
        return await files.read_root(one.root_name, max_bytes=MAX_SITE_BYTES), kind
    except (ResourceMissing, ValueError) as error:
        raise ToolError(f"site {site!r}: {error}") from error


def media_type(path: str) -> str:
    """By the path's ending; an address without one is a page. Text is UTF-8."""
    name = path.rpartition("/")[2]
    found = _TYPES.guess_type(name)[0] if "." in name else "text/html"
    kind = found or "application/octet-stream"
    return f"{kind}; charset=utf-8" if kind.startswith("text/") else kind


# Not the machine's own tables, which differ from one to the next.
_TYPES = mimetypes.MimeTypes(filenames=())
_TYPES.add_type("text/javascript", ".js")
_TYPES.add_type("text/javascript", ".mjs")


def _hold_size(site: str, answers: list[Answer]) -> None:
    size = sum(len(one.body) for one in answers)
    if size > MAX_SITE_BYTES:
        raise ToolError(f"site {site!r} has {size} bytes; the limit is {MAX_SITE_BYTES}")


def _of_artifact(path: str, kind: str, content: str) -> Answer | None:
    if kind != "image":
        return _text(path, content, _KINDS.get(kind))
    found = _DATA_URL.fullmatch(content.strip())
    if found is None:
        return None
    try:
        return Answer(base64.b64decode(found[2]), found[1])
    except ValueError:
        return None


def _text(path: str, text: str, kind: str | None = None) -> Answer:
    known = media_type(path)
    guessed = f"{kind}; charset=utf-8" if kind and known == "application/octet-stream" else known
    return Answer(text.encode("utf-8", "replace"), guessed)


def _written(answer: str) -> list[tuple[str, str]]:
    """Of several blocks of one kind the last holds, as with code."""
    found: dict[str, str] = {}
    for block in blocks(answer):
        language = block.language.lower()
        if _PAGE.match(block.source) and language in ("", "html", "xml"):
            found[_INDEX] = block.source
        elif language in _LANGUAGES:
            found[_LANGUAGES[language]] = block.source
    if not found and _PAGE.match(answer):
        found[_INDEX] = answer
    return list(found.items())
