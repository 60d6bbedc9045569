"""Draws the curves of trainings, from their records, after a training and while it runs."""
