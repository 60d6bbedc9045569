"""Backlit: neural networks trained by backpropagation that show their work."""
