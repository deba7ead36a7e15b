"""Turns chat messages into the embedded model's tokens, and tokens back into text.

A control token that is typed in a message is plain text: contents are encoded without any added tokens, and
the template is put together from token ids. Lone surrogates, which no encoder takes, become `?`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tokenizers import Tokenizer

from judge_agent.seams.model import ChatMessage

DEFAULT_SYSTEM = "You are a helpful AI assistant named SmolLM, trained by Hugging Face"


class ChatText:
    """Tokenizer and chat template of SmolLM2-Instruct. Stateless, safe in several threads."""

    def __init__(self, tokenizer_file: Path, control_tokens: Mapping[str, int]) -> None:
        self._tokenizer = Tokenizer.from_file(str(tokenizer_file))
        self._open = control_tokens["<|im_start|>"]
        self._close = control_tokens["<|im_end|>"]
        self._control = frozenset(control_tokens.values())
        self.ends = frozenset((self._close, self._open, control_tokens["<|endoftext|>"]))
        self.closes_text = int(self._tokenizer.get_vocab()['"'])
        self.longest_token_bytes = max(len(token) for token in self._tokenizer.get_vocab())

    def encode(self, messages: Sequence[ChatMessage]) -> list[int]:
        """Return the prompt's ids, up to where the assistant's answer begins."""
        newline = self._encode("\n")
        ids: list[int] = []
        if not messages or messages[0].role != "system":
            messages = (ChatMessage("system", DEFAULT_SYSTEM), *messages)
        for message in messages:
            ids += [self._open, *self._encode(f"{message.role}\n{_written(message)}"), self._close, *newline]
        return [*ids, self._open, *self._encode("assistant\n")]

    def encode_text(self, text: str) -> list[int]:
        """Return the ids of a text that follows a prompt."""
        return self._encode(text)

    def at_least(self, messages: Iterable[ChatMessage]) -> int:
        """A lower bound on the prompt's tokens that needs no tokenizing."""
        return sum(len(message.content) // self.longest_token_bytes for message in messages)

    def decode(self, ids: Sequence[int]) -> str:
        return self._tokenizer.decode([token for token in ids if token not in self._control])

    def vocabulary(self) -> list[str]:
        """Every token as the byte-level alphabet writes it, by id."""
        by_id = {index: token for token, index in self._tokenizer.get_vocab().items()}
        return [by_id[index] for index in range(len(by_id))]

    def _encode(self, text: str) -> list[int]:
        clean = text.encode("utf-8", "replace").decode() if _has_surrogates(text) else text
        ids: list[int] = self._tokenizer.encode(clean, add_special_tokens=False).ids
        return ids


def _written(message: ChatMessage) -> str:
    """A message's text; calls of an assistant as the model of this family writes them."""
    calls = [
        f"<tool_call>{json.dumps(call.get('function'), ensure_ascii=False)}</tool_call>"
        for call in message.tool_calls
    ]
    return "\n".join([message.content, *calls]) if calls else message.content


def _has_surrogates(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False
