"""Benchmarks: one module, and one command, for each question. All sides of a question are measured in one run."""
