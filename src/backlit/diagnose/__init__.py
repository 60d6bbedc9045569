"""What is wrong with a training: findings with their numbers, and remedies that are tried.

A finding is one file in `findings/`: its test, its evidence and its remedies together. `case` holds what the tests
read, `reference` trains what a training is compared with, `harm` says whether it is worse, `changes` makes and applies
remedies, and `trial` trains them.
"""

from backlit.diagnose.diagnosing import diagnose
from backlit.diagnose.records import Change, Compared, Diagnosis, Finding, Outcome, Remedy, Tried

__all__ = ["Change", "Compared", "Diagnosis", "Finding", "Outcome", "Remedy", "Tried", "diagnose"]
