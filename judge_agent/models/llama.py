"""A Llama forward pass whose answer for a sequence does not depend on what else is computed beside it.

Batched kernels choose their order of summation by the shape of the batch, so the same prompt usually gives
slightly different numbers alone and in company, and now and then another word. Here every shape is fixed by
the sequence itself: a prompt is read in chunks at fixed positions, alone; a decoding step multiplies rows so
that none depends on another (`few_rows`), and attends row by row. Float32 on the CPU, bfloat16 on CUDA.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional as F

from judge_agent.models.few_rows import FewRows
from judge_agent.models.weights import LlamaConfig

_Product = Callable[[Tensor, str], Tensor]


class KeyValues:
    """Keys and values of one sequence: (layers, kv heads, capacity, head size) each; `length` tokens are filled."""

    def __init__(self, config: LlamaConfig, capacity: int, device: torch.device, dtype: torch.dtype) -> None:
        shape = (config.layers, config.kv_heads, capacity, config.head_size)
        self.keys = torch.empty(shape, device=device, dtype=dtype)
        self.values = torch.empty(shape, device=device, dtype=dtype)
        self.length = 0

    def cut(self, start: int, end: int) -> tuple[Tensor, Tensor]:
        return self.keys[:, :, start:end].clone(), self.values[:, :, start:end].clone()

    def append(self, part: tuple[Tensor, Tensor]) -> None:
        end = self.length + part[0].shape[2]
        self.keys[:, :, self.length : end] = part[0]
        self.values[:, :, self.length : end] = part[1]
        self.length = end


class Llama:
    """The weights and the two passes over them: `read` a chunk of a prompt, and one `step` of several rows."""

    def __init__(self, folder: Path, config: LlamaConfig, device: torch.device) -> None:
        self.config, self.device = config, device
        self.dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
        tensors = load_file(folder / "model.safetensors", device=str(device))
        self.weights = {name: tensor.to(self.dtype) for name, tensor in tensors.items()}
        self._cos, self._sin = _rotary(config, device, self.dtype)
        self._few_rows = FewRows(self.weights)

    def new_cache(self, capacity: int) -> KeyValues:
        return KeyValues(self.config, capacity, self.device, self.dtype)

    @torch.inference_mode()
    def read(self, tokens: Sequence[int], cache: KeyValues) -> Tensor:
        """Append a chunk of one prompt to `cache`; returns the last hidden state, (1, hidden)."""
        start, end = cache.length, cache.length + len(tokens)
        hidden = self.weights["embedding"][torch.tensor(tokens, device=self.device)]
        cos, sin = self._cos[start:end], self._sin[start:end]
        mask = torch.ones(end - start, end, dtype=torch.bool, device=self.device).tril(start)
        for layer in range(self.config.layers):
            query, key, value = self._project(layer, hidden, cos, sin, self._linear)
            cache.keys[layer, :, start:end] = key.transpose(0, 1)
            cache.values[layer, :, start:end] = value.transpose(0, 1)
            seen = F.scaled_dot_product_attention(
                query.transpose(0, 1)[None],
                cache.keys[layer, :, :end][None],
                cache.values[layer, :, :end][None],
                attn_mask=mask,
                enable_gqa=True,
            )
            hidden = self._finish(layer, hidden, seen[0].transpose(0, 1).flatten(1), self._linear)
        cache.length = end
        return hidden[-1:].clone()

    @torch.inference_mode()
    def step(self, tokens: Sequence[int], caches: Sequence[KeyValues]) -> Tensor:
        """Append one token to each cache; returns the hidden states, (rows, hidden)."""
        places = [cache.length for cache in caches]
        hidden = self.weights["embedding"][torch.tensor(tokens, device=self.device)]
        positions = torch.tensor(places, device=self.device)
        cos, sin = self._cos[positions], self._sin[positions]
        for layer in range(self.config.layers):
            query, key, value = self._project(layer, hidden, cos, sin, self._few_rows)
            seen = torch.empty_like(hidden)
            for row, (place, cache) in enumerate(zip(places, caches, strict=True)):
                cache.keys[layer, :, place] = key[row]
                cache.values[layer, :, place] = value[row]
                seen[row] = self._attend(layer, query[row], cache, place + 1)
            hidden = self._finish(layer, hidden, seen, self._few_rows)
        for cache in caches:
            cache.length += 1
        return hidden

    @torch.inference_mode()
    def logits(self, hidden: Tensor) -> Tensor:
        """Logits of hidden states, (rows, vocabulary), float32, contiguous (xgrammar needs that), on the CPU."""
        return self._few_rows(self._norm(hidden, "norm"), "embedding").float().cpu().contiguous()

    def _project(
        self, layer: int, hidden: Tensor, cos: Tensor, sin: Tensor, product: _Product
    ) -> tuple[Tensor, Tensor, Tensor]:
        config = self.config
        mixed = product(self._norm(hidden, f"{layer}.attention_norm"), f"{layer}.qkv")
        heads = mixed.view(len(hidden), config.heads + 2 * config.kv_heads, config.head_size)
        turned, value = torch.split(heads, [config.heads + config.kv_heads, config.kv_heads], dim=1)
        query, key = torch.split(_rotate(turned, cos, sin), [config.heads, config.kv_heads], dim=1)
        return query, key, value

    def _linear(self, rows: Tensor, name: str) -> Tensor:
        return F.linear(rows, self.weights[name])

    def _attend(self, layer: int, query: Tensor, cache: KeyValues, length: int) -> Tensor:
        grouped = query.view(self.config.kv_heads, -1, self.config.head_size)
        scores = torch.bmm(grouped, cache.keys[layer, :, :length].transpose(1, 2))
        weights = torch.softmax(scores * self.config.head_size**-0.5, dim=-1)
        return torch.bmm(weights, cache.values[layer, :, :length]).flatten()

    def _finish(self, layer: int, hidden: Tensor, seen: Tensor, product: _Product) -> Tensor:
        hidden = hidden + product(seen, f"{layer}.out")
        gate, up = product(self._norm(hidden, f"{layer}.mlp_norm"), f"{layer}.gate_up").chunk(2, -1)
        return hidden + product(F.silu(gate) * up, f"{layer}.down")

    def _norm(self, hidden: Tensor, name: str) -> Tensor:
        return F.rms_norm(hidden, hidden.shape[-1:], self.weights[name], self.config.norm_epsilon)


def _rotary(config: LlamaConfig, device: torch.device, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Cosines and sines of every position, (context window, 1, head size)."""
    steps = torch.arange(0, config.head_size, 2, dtype=torch.float32) / config.head_size
    angles = torch.arange(config.context_window, dtype=torch.float32)[:, None] / config.rope_base**steps
    angles = torch.cat([angles, angles], dim=-1)[:, None]
    return angles.cos().to(device, dtype), angles.sin().to(device, dtype)


def _rotate(heads: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    left, right = heads.chunk(2, dim=-1)
    return heads * cos + torch.cat([-right, left], dim=-1) * sin
