"""These tests run where inspect_ai is installed: `make test-trainers`."""

from __future__ import annotations

import importlib.util

if importlib.util.find_spec("inspect_ai") is None:
    collect_ignore_glob = ["test_*"]
