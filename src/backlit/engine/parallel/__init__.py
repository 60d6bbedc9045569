"""Several threads for one batch: which of them computes a shard does not change a bit.

The interface is `thread_team_for`, which gives a `ThreadTeam` that runs the machine's entry points with several
workers. `worker_threads` has the threads, which wait in machine code for their next call; `auto_switch` times the team
against one thread.
"""

from backlit.engine.parallel.thread_team import ThreadTeam, thread_team_for

__all__ = ["ThreadTeam", "thread_team_for"]
