"""Pictures as files and as values: formats, metadata, ranges, resizing, metrics."""
