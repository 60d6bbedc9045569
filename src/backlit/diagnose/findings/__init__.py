"""A file for each finding: its test, its evidence and its remedies. `finding_tests` reads them all."""
