"""A decision boundary: what a model predicts over a plane of two of its inputs, as a record."""
