"""The valley of the error: E over a plane of weights, and paths of descent on it, as records."""
