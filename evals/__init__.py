"""Is the judge any good, and how fast: the demo, the acceptance run on real data, benchmarks."""
