"""Drivers that turn a graph into PyTorch source, an ONNX model or a diagram. What an op becomes is in ops/."""
