"""Boxes of WebAssembly: the portable fallback for machines on which namespaces do not work."""

from sandboxes.wasm.interpreter import INSTALL, WasmInterpreter, find_wasm_interpreter
from sandboxes.wasm.sandbox import WasmSandbox

__all__ = ["INSTALL", "WasmInterpreter", "WasmSandbox", "find_wasm_interpreter"]
