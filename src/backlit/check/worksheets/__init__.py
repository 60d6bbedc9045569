"""Sheets of steps to work out by hand, for a class: numbers of each student's own, blanks, and a key."""
