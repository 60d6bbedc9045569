"""From what a learner hands in to a sheet of claims: files and mappings are read, names and signs understood."""
