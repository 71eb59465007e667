"""Measuring: the paper's protocol on benchmarks, and speed on this machine."""
