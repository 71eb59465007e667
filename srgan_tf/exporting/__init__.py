"""Exports that serve without this package: SavedModel, LiteRT and ONNX."""
