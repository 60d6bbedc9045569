"""A learner's numbers, checked against the numbers of a step, with the name of the mistake."""
