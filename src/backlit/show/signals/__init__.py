"""Draws the signals of a training, layer by layer, from their record: charts, what these say in words, a table."""
