"""A network and a batch as integer tables, which the machine walks: an instruction for each op, and places for arrays.

`graph` says which op reads which buffers, `buffers` where every array lies, `sharding` how many rows a shard has,
`arguments` how an op's functions find their arguments, `tables` puts it together; `structs` declares what the machine
reads. The interface is `Graph` and `Node` to describe a network, `Program` to make its tables.
"""

from backlit.engine.program.graph import Graph, Node
from backlit.engine.program.tables import Program

__all__ = ["Graph", "Node", "Program"]
