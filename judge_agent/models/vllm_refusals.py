"""What an operator's own arguments to `vllm serve` must not set, and why.

The list is of vLLM 0.32 (https://docs.vllm.ai/en/v0.32.0/cli/serve.html); all else is the operator's own to set,
such as what sizes and speeds the server. A value is not looked into: a class that a configuration in JSON names is
loaded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

TOKENIZER, TOKENIZER_REVISION = "--tokenizer", "--tokenizer-revision"

_ONE_MACHINE = "the server runs on this machine alone, with one port of 127.0.0.1"
_FOREIGN_CODE = "code that is not vLLM's own is not loaded into the server"
_PLAIN_HTTP = "the service asks the server in plain HTTP on 127.0.0.1"
_NO_HTTP = "the service asks the server over HTTP"
_LOGS = "the server's log holds no prompts and no answers, and stays in its file"
_TRUSTS_REQUESTS = "a request may come from any local user, since not every route asks for the key"
_OPENS_ROUTES = "it opens routes that do not ask for the key"
_GIVEN = "is given by its own setting"

REFUSED = {
    "--trust-remote-code": "code that comes with a model is not run",
    "--tool-server": "tools run in the service's own boxes, and those of 'demo' in none",
    "--tool-parser-plugin": _FOREIGN_CODE,
    "--reasoning-parser-plugin": _FOREIGN_CODE,
    "--io-processor-plugin": _FOREIGN_CODE,
    "--logits-processors": _FOREIGN_CODE,
    "--middleware": _FOREIGN_CODE,
    "--model-class-overrides": _FOREIGN_CODE,
    "--scheduler-cls": _FOREIGN_CODE,
    "--worker-cls": _FOREIGN_CODE,
    "--worker-extension-cls": _FOREIGN_CODE,
    "--api-key": "the key is random and goes by the environment",
    "--hf-token": "every local user can read a command line; set HF_TOKEN in the environment",
    "--config": "a file could set what is refused here",
    "--host": "the server listens on 127.0.0.1",
    "--port": "a free port is chosen",
    "--uds": "the server is reached on a port of 127.0.0.1",
    "--headless": _NO_HTTP,
    "--grpc": _NO_HTTP,
    "--grpc-port": _NO_HTTP,
    "--tokens-only": "the service asks in words",
    "--ssl-ca-certs": _PLAIN_HTTP,
    "--ssl-cert-reqs": _PLAIN_HTTP,
    "--ssl-certfile": _PLAIN_HTTP,
    "--ssl-ciphers": _PLAIN_HTTP,
    "--ssl-keyfile": _PLAIN_HTTP,
    "--enable-ssl-refresh": _PLAIN_HTTP,
    "--data-parallel-address": _ONE_MACHINE,
    "--data-parallel-external-lb": _ONE_MACHINE,
    "--data-parallel-hybrid-lb": _ONE_MACHINE,
    "--data-parallel-multi-port-external-lb": _ONE_MACHINE,
    "--data-parallel-rank": _ONE_MACHINE,
    "--data-parallel-rpc-port": _ONE_MACHINE,
    "--data-parallel-start-rank": _ONE_MACHINE,
    "--data-parallel-supervisor-port": _ONE_MACHINE,
    "--ec-transfer-config": _ONE_MACHINE,
    "--kv-events-config": _ONE_MACHINE,
    "--kv-transfer-config": _ONE_MACHINE,
    "--master-addr": _ONE_MACHINE,
    "--master-port": _ONE_MACHINE,
    "--nnodes": _ONE_MACHINE,
    "--node-rank": _ONE_MACHINE,
    "--allowed-local-media-path": "a request would read files of this machine",
    "--enable-mm-embeds": _TRUSTS_REQUESTS,
    "--enable-prompt-embeds": _TRUSTS_REQUESTS,
    "--trust-request-chat-template": _TRUSTS_REQUESTS,
    "--trust-request-mm-kwargs": _TRUSTS_REQUESTS,
    "--enable-scale-out": _OPENS_ROUTES,
    "--enable-tokenizer-info-endpoint": _OPENS_ROUTES,
    "--profiler-config": _OPENS_ROUTES,
    "--weight-transfer-config": _OPENS_ROUTES,
    "--enable-log-requests": _LOGS,
    "--enable-log-outputs": _LOGS,
    "--log-config-file": _LOGS,
    "--logging-config": _LOGS,
    "--model": f"the model {_GIVEN}",
    "--served-model-name": f"the name {_GIVEN}",
    "--revision": f"the revision {_GIVEN}",
}
# The short forms of what is refused. `-n` and `-r` may have their value right behind them.
_SHORT = {
    "-dpa": "--data-parallel-address",
    "-dpe": "--data-parallel-external-lb",
    "-dph": "--data-parallel-hybrid-lb",
    "-dpm": "--data-parallel-multi-port-external-lb",
    "-dpn": "--data-parallel-rank",
    "-dpp": "--data-parallel-rpc-port",
    "-dpr": "--data-parallel-start-rank",
}
_LETTERS = {"-n": "--nnodes", "-r": "--node-rank"}
# Options of their own whose names are also beginnings of refused ones.
_WHOLE = frozenset({TOKENIZER, "--reasoning-parser"})


def check_extra(extra: Sequence[str]) -> None:
    """Raise ValueError for what must not be set, in each form that vLLM reads: `--a-b`, `--a_b`, `--a-b=c`,
    `--a-b.c`, shortened ones, and the short names of one dash."""
    for name in _names(extra):
        refused = _refused(name)
        if refused is not None:
            raise ValueError(f"{name!r} cannot be given: {REFUSED[refused]}")
    if has(extra, TOKENIZER_REVISION) and not has(extra, TOKENIZER):
        raise ValueError(
            f"{TOKENIZER_REVISION!r} cannot be given: the model's own tokenizer has the model's revision; "
            f"it goes with {TOKENIZER!r}"
        )


def has(extra: Sequence[str], option: str) -> bool:
    """Whether the arguments hold an option, asked for by its long name, in full or shortened."""
    return any(name == option or (option.startswith(name) and name not in _WHOLE) for name in _names(extra))


def _names(extra: Sequence[str]) -> Iterator[str]:
    for argument in extra:
        name = re.split("[=.]", argument)[0].replace("_", "-")
        if name.startswith("-") and name.strip("-"):
            yield name


def _refused(name: str) -> str | None:
    """The refused option that a name stands for, or could be short for."""
    if not name.startswith("--"):
        return _SHORT.get(name) or _LETTERS.get(name[:2])
    if name in _WHOLE or name in REFUSED:
        return name if name in REFUSED else None
    return next((refused for refused in REFUSED if refused.startswith(name)), None)
