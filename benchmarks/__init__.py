"""Benchmarks: `python -m benchmarks.<stage> [--json FILE]`, on sound made by the benchmark itself."""
