"""Runs of trainers over HTTP: what they are pinned to, and what was judged in them. The walk begins in `routes.py`."""
