"""How each op's numbers come about, forward and backward: one class per op, and the error and the updates beside them.

A stage is one op of the chain as a person would work it out. Its formulas are the op's own formula texts wherever these
say it all; the numbers are the recorded buffers, or what the op's own functions give on them. Every file of this
package is imported with it, so that the stage of an op is found by the op's class (`stages.base.explains`).

The interface: `chain.stages_of` gives the stages of a network, `loss.ErrorPart` the error with its derivatives, and
`optimizer.Update` the update of one parameter.
"""

from importlib import import_module
from pkgutil import iter_modules

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")
