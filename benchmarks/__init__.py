"""Benchmarks: `python -m benchmarks.<stage> [--json FILE]`, on sound made by the benchmark itself."""

import stages  # noqa: F401  # sets one math thread, before numpy is imported
