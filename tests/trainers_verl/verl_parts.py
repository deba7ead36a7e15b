"""A tiny tokenizer and verl's own configuration: what its reward code runs with on a CPU."""

from __future__ import annotations

import asyncio
import copy
import json
import pickle
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
import verl
import yaml
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from tensordict import TensorDict
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast
from verl import DataProto
from verl.experimental.agent_loop.agent_loop import AgentLoopWorker
from verl.experimental.reward_loop.reward_loop import RewardLoopWorker
from verl.trainer.ppo.reward import load_reward_manager
from verl.workers.rollout.replica import TokenOutput

TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}"
    "{% for c in m.get('tool_calls') or [] %}\n<tool_call>\n{{ c['function'] | tojson }}\n</tool_call>{% endfor %}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SHAPE = {"model_type": "qwen2", "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
OUR_MANAGER = (
    "reward.reward_manager.source=importlib",
    "reward.reward_manager.name=JudgeRewardManager",
    "reward.reward_manager.module.path=pkg://judge_agent.trainers.verl",
)
OUR_FUNCTION = ("reward.custom_reward_function.path=pkg://judge_agent.trainers.verl",)
ADD = "```python\ndef add(a, b):\n    return a {} b\n```"
TESTS = {"kind": "call", "entry_point": "add", "hidden": [{"args": [2, 3], "expected": 5}]}


@lru_cache
def make_tokenizer() -> PreTrainedTokenizerFast:
    """One token a byte, and the marks of ChatML."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    raw = Tokenizer(models.BPE(vocab={letter: at for at, letter in enumerate(letters)}, merges=[]))
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    found = PreTrainedTokenizerFast(tokenizer_object=raw, eos_token="<|im_end|>", pad_token="<|endoftext|>")
    found.add_special_tokens({"additional_special_tokens": ["<|im_start|>"]})
    found.chat_template = TEMPLATE
    return found


def save_model(folder: Path) -> Path:
    """A folder that verl takes for a model: a configuration and the tokenizer."""
    tokenizer = make_tokenizer()
    tokenizer.save_pretrained(folder)
    shape = SHAPE | {"vocab_size": len(tokenizer), "architectures": ["Qwen2ForCausalLM"]}
    (folder / "config.json").write_text(json.dumps(shape), "utf-8")
    return folder


def config_of(*overrides: str, **settings: Any) -> Any:
    """verl's own defaults with overrides as on its command line; `settings` are the reward function's."""
    found = copy.deepcopy(_composed(overrides))
    kwargs = {name: yaml.safe_load(str(value)) for name, value in settings.items()}
    OmegaConf.update(found, "reward.custom_reward_function.reward_kwargs", kwargs, force_add=True)
    return found


@lru_cache
def _composed(overrides: Sequence[str]) -> Any:
    folder = str(Path(verl.__file__).parent / "trainer" / "config")
    with initialize_config_dir(config_dir=folder, version_base=None):
        return compose("ppo_trainer", overrides=list(overrides))


def reward_manager(url: str, *overrides: str, **settings: Any) -> Any:
    """What `load_reward_manager` makes of the configuration."""
    wanted = {"judge_url": url, "recipe": "verify", "dimensions": "[correctness]"} | settings
    return load_reward_manager(config_of(*overrides, **wanted), make_tokenizer())


def sample_of(text: str, *, truth: Any = None, uid: str = "u0", **columns: Any) -> DataProto:
    """One rollout as AgentLoopWorker hands it to a reward worker; `extra_fields` are the agent loop's."""
    tokenizer = make_tokenizer()
    prompt = [{"role": "user", "content": "Write add(a, b)."}]
    prompts = torch.tensor([tokenizer.apply_chat_template(prompt, add_generation_prompt=True)["input_ids"]])
    responses = torch.tensor([tokenizer.encode(text)], dtype=torch.int64).reshape(1, -1)
    ids = torch.cat([prompts, responses], dim=1)
    tensors = {
        "prompts": prompts,
        "responses": responses,
        "input_ids": ids,
        "attention_mask": torch.ones_like(ids),
    }
    extra_fields = {"raw_prompt": prompt} | columns.pop("extra_fields", {})
    rows = {
        "data_source": "coding",
        "reward_model": {"style": "rule", "ground_truth": {"tests": TESTS} if truth is None else truth},
        "extra_info": {"index": 0, "split": "train"},
        "tool_extra_fields": extra_fields,
        "uid": uid,
    } | columns
    arrays = {name: _array(value) for name, value in rows.items()}
    return DataProto(batch=TensorDict(tensors, batch_size=1), non_tensor_batch=arrays)


def _array(value: Any) -> np.ndarray:
    found = np.empty(1, dtype=object)
    found[0] = value
    return found


class ScriptedEngine:
    """The engine of a rollout: says the texts in turn, and gives the fields that a real one gives.

    Rollouts reach it in any order: where there is one text for each, the prompt says which by `(place)`.
    """

    def __init__(self, texts: Sequence[str], *, by_place: bool) -> None:
        self.tokenizer = make_tokenizer()
        self._texts = list(texts)
        self._by_place = by_place

    async def generate(self, **given: Any) -> TokenOutput:
        ids = [*self.tokenizer.encode(self._text(given["prompt_ids"])), self.tokenizer.eos_token_id]
        return TokenOutput(token_ids=ids, extra_fields={"min_global_steps": 3, "max_global_steps": 3})

    def _text(self, prompt_ids: Sequence[int]) -> str:
        if not self._by_place:
            return self._texts.pop(0)
        (place,) = re.findall(r"\((\d+)\)", self.tokenizer.decode(prompt_ids))
        return self._texts[int(place)]


class _Call:
    """The method of a Ray actor, run in this process; what goes to it and comes back is pickled as there."""

    def __init__(self, worker: RewardLoopWorker) -> None:
        self._worker = worker

    async def remote(self, data: DataProto) -> Any:
        sent = pickle.loads(pickle.dumps(data))
        return pickle.loads(pickle.dumps(await self._worker.compute_score(sent)))


class InProcessReward:
    """verl's own reward worker with the handle of a Ray actor."""

    def __init__(self, config: Any) -> None:
        self.compute_score = _Call(RewardLoopWorker(config))


def generate(config: Any, texts: Sequence[str], rows: Mapping[str, Sequence[Any]]) -> DataProto:
    """Run verl's AgentLoopWorker over a batch: agent loops, rewards, and `_postprocess`."""

    async def run() -> DataProto:
        count = len(next(iter(rows.values())))
        engine = ScriptedEngine(texts, by_place=1 < count == len(texts))
        worker = AgentLoopWorker(config, engine, None, [InProcessReward(config)])
        arrays = {}
        for name, values in rows.items():
            arrays[name] = np.empty(count, dtype=object)
            arrays[name][:] = values
        return await worker.generate_sequences(
            DataProto(non_tensor_batch=arrays, meta_info={"global_steps": 3})
        )

    return asyncio.run(run())
