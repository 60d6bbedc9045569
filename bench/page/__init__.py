"""What the page costs: until its first picture, beside a training, in memory, until a weight is answered, and on the wire."""
