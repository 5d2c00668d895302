"""Benchmarks: this engine and its peers, fed the same articles, asked the same questions, in one run."""
