"""Draws records: takes plain values, gives text. Knows no networks."""
