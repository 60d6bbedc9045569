"""The maths: each op whole in one place, with its shapes, forward, backward and formula; one registry of them all."""
