"""The classic worked examples, as network files; and the reading and running of any network file.

`read_network_file` reads a file's network, rows and training; `run_example` trains it and records errors, predictions
and published figures beside ours. Names are imported when first used, so that a command line that only lists its
commands loads no engine.

>>> from backlit.examples import run_example
>>> run = run_example("two-layer", epochs=1, compiled=False).runs[0]
>>> f"{run.errors[0].error:.9f}", f"{run.errors[1].error:.9f}"
('0.298371109', '0.291027774')
"""

from typing import TYPE_CHECKING

from backlit.lazy import lazily

if TYPE_CHECKING:
    from backlit.examples.layers_alone import FileLayers, read_layers
    from backlit.examples.netfile import NetworkFile, Setup, parse_network_file, read_network_file, setup_of
    from backlit.examples.run_records import ComputedFigure, ErrorAt, Example, ExampleRun, Figure, SetupRun
    from backlit.examples.running import NAMES, Trained, example_file, examples, run_example, train_example

_PLACES = {
    "NAMES": "running",
    "ComputedFigure": "run_records",
    "ErrorAt": "run_records",
    "Example": "run_records",
    "ExampleRun": "run_records",
    "Figure": "run_records",
    "FileLayers": "layers_alone",
    "NetworkFile": "netfile",
    "Setup": "netfile",
    "SetupRun": "run_records",
    "Trained": "running",
    "example_file": "running",
    "examples": "running",
    "parse_network_file": "netfile",
    "read_layers": "layers_alone",
    "read_network_file": "netfile",
    "run_example": "running",
    "setup_of": "netfile",
    "train_example": "running",
}

__all__ = [
    "NAMES",
    "ComputedFigure",
    "ErrorAt",
    "Example",
    "ExampleRun",
    "Figure",
    "FileLayers",
    "NetworkFile",
    "Setup",
    "SetupRun",
    "Trained",
    "example_file",
    "examples",
    "parse_network_file",
    "read_layers",
    "read_network_file",
    "run_example",
    "setup_of",
    "train_example",
]

__getattr__ = lazily(__name__, _PLACES)
