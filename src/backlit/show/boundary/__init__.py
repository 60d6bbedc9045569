"""Draws a decision boundary: regions or contours, the rows on them, the hidden units' lines."""
