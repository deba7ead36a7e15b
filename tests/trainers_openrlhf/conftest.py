"""These tests run where OpenRLHF is installed: `make test-trainers`."""

from __future__ import annotations

import importlib.util

if importlib.util.find_spec("openrlhf") is None:
    collect_ignore_glob = ["test_*"]
