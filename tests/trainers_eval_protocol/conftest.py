"""These tests run where eval-protocol is installed: `make test-trainers`."""

from __future__ import annotations

import importlib.util

if importlib.util.find_spec("eval_protocol") is None:
    collect_ignore_glob = ["test_*"]
