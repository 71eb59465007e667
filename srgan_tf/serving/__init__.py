"""A page, and an HTTP API, that upscale photos of visitors."""
