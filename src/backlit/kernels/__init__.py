"""What the ops' inner loops are made of: elementary functions that vectorise, and the matrix products."""
