"""Puts the embedded model together: weights, tokenizer, grammars, engine. The only importer of the heavy parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import xgrammar as xgr

from judge_agent.errors import ModelError
from judge_agent.models.chat_text import ChatText
from judge_agent.models.decoding import Answer, generator_for
from judge_agent.models.engine import Engine, Job
from judge_agent.models.forced import Forced
from judge_agent.models.llama import Llama
from judge_agent.models.weights import Weights, open_weights
from judge_agent.seams.model import ChatMessage


@dataclass(frozen=True)
class Parts:
    weights: Weights
    llama: Llama
    text: ChatText
    grammars: xgr.GrammarCompiler
    engine: Engine
    context_window: int

    def prepare(
        self,
        messages: Sequence[ChatMessage],
        schema: str | None,
        *,
        samples: int,
        logprobs: int,
        seed: int,
        max_tokens: int,
        temperature: float,
        stop: tuple[str, ...],
        deadline: float,
    ) -> tuple[Job, list[Answer]]:
        """Tokenize and compile one call. Raises ModelError input_too_large, or model_error for a bad schema."""
        prompt = self._prompt(messages, max_tokens)
        grammar = None if schema is None else self._compile(schema)
        answers = [
            Answer(
                self.text.decode,
                self.text.ends,
                max_tokens,
                temperature,
                generator_for(seed, sample),
                stop,
                logprobs,
                None if grammar is None else xgr.GrammarMatcher(grammar),
                self.text.closes_text,
            )
            for sample in range(samples)
        ]
        return Job(prompt, answers, deadline), answers

    def force(
        self, messages: Sequence[ChatMessage], continuation: str, deadline: float
    ) -> tuple[Job, Forced]:
        """Tokenize a chat and the answer that is given to it. Raises ModelError input_too_large."""
        if len(continuation) // self.text.longest_token_bytes > self.context_window:
            raise ModelError("input_too_large", f"a continuation of {len(continuation)} characters")
        given = self.text.encode_text(continuation)
        forced = Forced(given, self.text.decode)
        return Job(self._prompt(messages, len(given)), [forced], deadline), forced

    def _prompt(self, messages: Sequence[ChatMessage], max_tokens: int) -> list[int]:
        tokens = self.text.at_least(messages)
        if tokens + max_tokens <= self.context_window:
            prompt = self.text.encode(messages)
            if (tokens := len(prompt)) + max_tokens <= self.context_window:
                return prompt
        raise ModelError(
            "input_too_large",
            f"the prompt's {tokens} tokens and max_tokens={max_tokens} exceed context_window={self.context_window}",
        )

    def _compile(self, schema: str) -> xgr.CompiledGrammar:
        try:
            return self.grammars.compile_json_schema(schema, any_whitespace=False, separators=(",", ":"))
        except RuntimeError as error:
            raise ModelError("model_error", f"no grammar for this schema: {str(error)[:500]}") from error


def load(
    cache_dir: Path,
    device: str,
    context_window: int | None,
    max_batch: int,
    max_tokens_in_flight: int,
    cached_tokens: int,
    threads: int | None = None,
) -> Parts:
    """Load everything. Raises ImportError or FileNotFoundError for what is not installed."""
    if threads is not None:
        torch.set_num_threads(threads)
    weights = open_weights(cache_dir)
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    llama = Llama(weights.folder, weights.config, torch.device(device))
    text = ChatText(weights.folder / "tokenizer.json", weights.control_tokens)
    vocabulary = xgr.TokenizerInfo(
        text.vocabulary(),
        xgr.VocabType.BYTE_LEVEL,
        stop_token_ids=sorted(text.ends),
        vocab_size=weights.config.vocabulary,
    )
    engine = Engine(
        llama, max_batch=max_batch, max_tokens_in_flight=max_tokens_in_flight, cached_tokens=cached_tokens
    )
    window = min(context_window or weights.config.context_window, weights.config.context_window)
    return Parts(weights, llama, text, xgr.GrammarCompiler(vocabulary), engine, window)
