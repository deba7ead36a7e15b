"""Benchmarks through the service: judged, counted, compared."""
