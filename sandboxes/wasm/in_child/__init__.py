"""Runs in the child process of a WASM box: the standard library, wasmtime, and these files; nothing of the service."""
