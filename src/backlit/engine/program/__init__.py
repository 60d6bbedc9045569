"""A network and a batch as integer tables."""
