"""The benchmark suite: the same work, by Backlit and its peers, interleaved in one run.

`python -m bench` from the repository's root measures everything; `python -m bench --quick` takes a short look. What is
measured, how, and why it is fair stands in bench/README.md.
"""
