"""Draws the valley of an error: contours, shading and paths of descent, and says in words how far that is true."""
