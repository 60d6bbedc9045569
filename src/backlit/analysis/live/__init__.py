"""What the live page shows of a network at a moment, computed into records: its weights, and what a unit does."""
