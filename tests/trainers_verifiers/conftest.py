"""These tests run where verifiers is installed: `make test-trainers`."""

from __future__ import annotations

import importlib.util

if importlib.util.find_spec("verifiers") is None:
    collect_ignore_glob = ["test_*"]
