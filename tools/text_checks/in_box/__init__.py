"""Runs inside the box: reads texts that nobody trusts, and counts what is in them."""
