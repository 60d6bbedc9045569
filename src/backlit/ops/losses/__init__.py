"""The losses, by what their targets are."""
