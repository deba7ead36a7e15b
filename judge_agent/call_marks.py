"""The marks by which calls in a text are recognised that are not read: of chat templates, and of calls as JSON or code.

Marks of chat templates say by themselves that a call is made. JSON and code may be an answer as well: they count only
where a trajectory has no other call, and where their own form or what answers them says that they were meant as one.
What calls are made so is not known: nothing can be said to be missing beside them.

An agent that wants nothing to be said of it could write such a mark as well. So a text that nothing answers counts only
where it names, as a call does, a tool that the agent has: a call of another tool could not have been carried out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

_TOOL = r"[\w.-]{1,128}"
# A mark counts only where a call begins behind it: to name a tag is no call.
UNREAD_IN_TEXT = re.compile(
    "|".join(
        (
            rf"<tool_calls?>\s*(?:[\[{{]|<function=|<invoke |{_TOOL}\s*<arg_key>)",  # Hermes, Qwen, GLM
            r"<(?:function_call|tool_use)>\s*[\[{<]",
            rf"<function={_TOOL}>",  # Llama 3
            rf"<invoke name=[\"']?{_TOOL}",
            rf"\[TOOL_CALLS\]\s*(?:[\[{{]|{_TOOL}\s*(?:\[ARGS\])?\s*\{{)",  # Mistral
            r"<\|python_tag\|>\s*[\[{\w]",
            r"<\|(?:tool_call|action_start)\|>\s*[\[{<]",  # Granite, Phi, InternLM
            r"<[|\uff5c]tool[_\u2581]call[_\u2581]begin[|\uff5c]>",  # DeepSeek, Kimi
            rf"<\|channel\|>[^<]{{0,200}}\bto=functions\.{_TOOL}",  # gpt-oss
            r"```tool_(?:call|code)s?\s*\n",  # Gemma
            rf"^Action:[ \t]*{_TOOL}[ \t]*\n+Action Input:",  # ReAct
            r"^Action:\s{0,9}(?:```(?:json)?\s{0,9})?[\[{\s]{1,9}\"(?:tool_name|action|tool|name)\"",  # Cohere
            rf"\u273fFUNCTION\u273f\s{{0,9}}:?\s{{0,9}}{_TOOL}",  # Qwen-Agent
            r"<functioncall>\s*[\[{]",  # Glaive
            r"<\|(?:START_ACTION|FunctionCallBegin|plugin|tool_calls?)\|>\s*[\[{]",
            r"<execute_(?:bash|ipython|tool)>",
        )
    ),
    re.MULTILINE,
)
# Without one of these no mark can be there; to look for them first takes a hundredth of the time.
_SIGNS = ("<", "[TOOL_CALLS]", "```tool_", "Action:", "\u273f")
_NAMES = r"name|tool|tool_name|toolName|function|function_name|action|recipient_name"
_ARGUMENTS = r"arguments|parameters|args|input|action_input|tool_input|kwargs|params|tool_args|parameter"
_JSON_CALL = re.compile(
    rf"(?:^|```[\w-]{{0,20}})[\[{{\s]{{0,60}}\"(?:"
    rf"(?:{_NAMES})\"\s*:\s*\"{_TOOL}\"\s*,[^{{}}]{{0,300}}\"(?:{_ARGUMENTS})\"\s*:"
    rf"|(?:{_ARGUMENTS})\"\s*:\s*\{{[^{{}}]{{0,2000}}\}}\s*,\s*\"(?:{_NAMES})\"\s*:\s*\"{_TOOL}\""
    rf"|(?:tool_calls?|function_calls?|tool_uses?|functionCall|function)\"\s*:\s*[\[{{])",
    re.MULTILINE,
)
# All of a message is calls in the way of Python: [f(x=1), g()], or f(x=1).
_CALL = r"[A-Za-z_][\w.]*\((?:\s*\w+\s*=.*)?\)"
_CALLS_ALONE = re.compile(
    rf"\s*(?:```\w*\s*)?(?:\[\s*{_CALL}\s*,?\s*\]|[A-Za-z_][\w.]*\(\s*\w+\s*=[^\n]*\))\s*(?:```\s*)?",
    re.DOTALL,
)
_CODE = re.compile(
    r"<(?:code|execute|python|tool_code)>|```(?:python|py|tool_code|tool|bash|sh|javascript|js|typescript)?[ \t]*\n|"
    r"^Code:\s",
    re.MULTILINE,
)
_ANSWERS = re.compile(
    r"[*#>\[<`]{0,4} ?(?:observations?|execution|tool[ _](?:output|response|result|call)|function[ _](?:output|"
    r"response|result)|stdout|output|results?|returned|exit code|last output)\b",
    re.I,
)
MAX_NAMES = 500


def has_unread_mark(text: str) -> bool:
    """Whether a text makes a call in the way of a chat template whose calls are not read."""
    return bool(_from_mark(text))


def from_call(text: str, names: Sequence[str] = ()) -> str:
    """The text from where it first seems to make a call: by a mark, as JSON, or as code; empty where it does not."""
    if begun := _from_mark(text):
        return begun
    if '"' in text and (found := _JSON_CALL.search(text)):
        return text[found.start() :]
    if "(" in text and _CALLS_ALONE.fullmatch(text[:20_000]):
        return text
    named = _calls_of(names)
    found = named.search(text) if named is not None else None
    return text[found.start() :] if found is not None else ""


def may_call(begun: str, names: Sequence[str]) -> bool:
    """Whether what begins with a call names one of the tools where a call names its own; True if none is known."""
    known = _names_in(names)
    # Some templates write markdown, in which the lines of a name are escaped.
    return known is None or known.search(begun.replace("\\_", "_")) is not None


def is_answered(told: Sequence[tuple[str, str]], at: int) -> bool:
    """Whether the message behind this one is the result of what it does. `told`: role and text of each message."""
    return at + 1 < len(told) and _is_answer(*told[at + 1])


def marked_calls(told: Sequence[tuple[str, str]], names: Sequence[str]) -> tuple[int, int]:
    """How many messages of the agent make calls by a mark, and how many only look so: nothing answers them, and they
    name no tool that the agent has.
    """
    unread = alike = 0
    for at, (role, text) in enumerate(told):
        if role == "assistant" and (begun := _from_mark(text)):
            meant = is_answered(told, at) or may_call(begun, names)
            unread, alike = unread + meant, alike + (not meant)
    return unread, alike


def loose_calls(told: Sequence[tuple[str, str]], names: Sequence[str] = ()) -> int:
    """How many messages of the agent may make calls as JSON or code. `told`: the role and text of each message in
    order; `names`: tools that the agent has, whose calls are known by them.
    """
    found = 0
    for at, (role, text) in enumerate(told):
        if role != "assistant" or not text.strip():
            continue
        begun = from_call(text, names)
        if is_answered(told, at):
            found += bool(begun or _CODE.search(text))
        else:
            found += bool(begun) and may_call(begun, names)
    return found


def _from_mark(text: str) -> str:
    """The text from its first mark of a chat template on."""
    mark = UNREAD_IN_TEXT.search(text) if any(sign in text for sign in _SIGNS) else None
    return text[mark.start() :] if mark is not None else ""


def _is_answer(role: str, text: str) -> bool:
    """Whether a message is the result of what the one before it does."""
    return role in ("tool", "tool_response") or (role == "user" and _ANSWERS.match(text.lstrip()) is not None)


def _calls_of(names: Sequence[str]) -> re.Pattern[str] | None:
    """Calls of these tools in code, or as tags; None where there are no names."""
    known = _any_of(names)
    if not known:
        return None
    return re.compile(
        rf"(?<![\w.])(?:{known})\s*\(\s*(?:\)|\w+\s*=|[\"'\[{{\d])|<(?:{known})>\s*<|\bcall\s+(?:{known})\s*[({{]"
    )


def _names_in(names: Sequence[str]) -> re.Pattern[str] | None:
    """The name of one of the tools where a call has it: behind a quote or mark, or before its arguments."""
    known = _any_of(names)
    if not known:
        return None
    return re.compile(
        rf"[\"'=.:>\]<]\s{{0,9}}(?:execute_)?(?:{known})(?![\w-])|(?<![\w-])(?:{known})\s{{0,9}}[(\[{{]"
    )


def _any_of(names: Sequence[str]) -> str:
    return "|".join(re.escape(name) for name in dict.fromkeys(names[:MAX_NAMES]) if name)


def tool_names(tools: Sequence[Mapping[str, object]]) -> list[str]:
    """The names of declared tools, as OpenAI functions or by themselves."""
    declared = (tool.get("function", tool) for tool in tools)
    names = (tool.get("name") for tool in declared if isinstance(tool, Mapping))
    return [name for name in names if isinstance(name, str)]
