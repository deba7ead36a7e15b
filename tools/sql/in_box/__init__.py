"""Runs inside the box: the standard library and one engine, nothing of ours but these modules."""
