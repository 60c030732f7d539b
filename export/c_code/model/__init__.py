"""C code that computes an int8 model, byte for byte as TFLite Micro does."""

from export.c_code.model.emit import CModel, Layer, generate, generate_interface

__all__ = ["CModel", "Layer", "generate", "generate_interface"]
