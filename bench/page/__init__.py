"""What the page costs: until its first picture, beside a training, in memory, until an answer, and on the wire."""
