"""Export: a fitted answer as one ONNX file."""

from labelwise.export.writing import TOLERANCE, Exported, export_onnx

__all__ = ["TOLERANCE", "Exported", "export_onnx"]
