"""Upscaling: exact tiles, compiled generators, exports read back, photo files."""
