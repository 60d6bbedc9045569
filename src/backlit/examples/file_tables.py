"""The tables of a network file, as records: which keys there are, what they mean, of which type they are.

The descriptions here are the documentation: docs/network-file.md is written from them.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from backlit.engine import TrainingSettings

Named = str | dict[str, Any]
"""An op: its name, or a table of its name and settings, such as { op = "sgd", rate = 0.5 }."""
Count = Annotated[int, Meta(ge=1)]
Seed = Annotated[int, Meta(ge=0)]

TRAINING = tuple(
    name for name in TrainingSettings.__struct_fields__
    if name not in {"gradient_norms", "signals", "divergence", "compiled", "threads"}
)  # fmt: skip
"""Keys of `[training]`: the settings of a training, without those that are of the run at hand."""


def _says(text: str) -> Meta:
    return Meta(description=text)


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of the file: its keys are checked strictly."""


class InitialTable(Table, frozen=True, kw_only=True):
    """`[network.initial]`: the recipe of the initial weights, where a known draw is to be repeated."""

    generator: Annotated[
        Literal["legacy", "default"],
        _says("`legacy` is NumPy's `RandomState(seed)` (`numpy.random.seed(seed)`); `default` is `default_rng(seed)`"),
    ] = "legacy"
    seed: Annotated[Seed, _says("seed of the generator")]
    draw: Annotated[Named, _says("initializer that every number comes from")]
    order: Annotated[
        tuple[str, ...],
        _says('parameters in the order in which they are drawn: `["1.W", "1.b", "2.W"]` (layer, array)'),
    ]


class NetworkTable(Table, frozen=True, kw_only=True):
    """`[network]`: what the network is."""

    inputs: Annotated[
        Count | tuple[Count | str, ...] | dict[str, Count | tuple[Count, ...]] | None,
        _says(
            "number of inputs, their names, or the shape of a row: `[28, 28, 1]` of pictures (rows, columns, "
            "channels), `[50, 8]` of sequences (time steps, numbers); or a table of several inputs, each with its "
            "number or shape. `backlit train` takes it from the table where it is left out"
        ),
    ] = None
    layers: Annotated[list[dict[str, Any]], _says("the layers in order, a `[[network.layers]]` table for each")]
    loss: Annotated[Named, _says("the error that training makes small")] = "half_squared_error"
    layout: Annotated[
        Literal["inputs", "units"],
        _says("what a row of a layer's `weights` and their labels is of: an input of the layer, or a unit"),
    ] = "inputs"
    dtype: Annotated[Literal["float64", "float32"], _says("type of all numbers")] = "float64"
    seed: Annotated[Seed, _says("seed of weights that are neither given nor drawn by `[network.initial]`")] = 0
    initial: Annotated[InitialTable | None, _says("a table of its own, below")] = None


class SplitTable(Table, frozen=True, kw_only=True):
    """`[data.split]`: which rows of a bundled data set are held out, for testing or for validation."""

    test: Annotated[
        Count | None,
        _says("number of test rows: the first so many of a random order; the others train, in that order"),
    ] = None
    validation: Annotated[
        Count | None,
        _says("number of validation rows, whose loss is measured after each epoch: the next so many of that order"),
    ] = None
    seed: Annotated[Seed, _says("seed of the order")]
    generator: Annotated[
        Literal["legacy", "default"],
        _says("`legacy` is NumPy's `RandomState(seed)`, as scikit-learn has it; `default` is `default_rng(seed)`"),
    ] = "legacy"


class DrawnTable(Table, frozen=True, kw_only=True):
    """`[data.drawn]`: sequences that a known task draws."""

    task: Annotated[
        Literal["adding"],
        _says(
            "`adding`: two numbers at each time, a random one from 0 to 1 and a mark; the target is the sum of the "
            "two numbers that are marked, one in each half of the sequence"
        ),
    ]
    times: Annotated[Annotated[int, Meta(ge=2)], _says("length of the sequences")]
    rows: Annotated[Count, _says("number of training rows")]
    validation: Annotated[Seed, _says("number of validation rows")] = 0
    seed: Annotated[Seed, _says("seed of the draw")]


class DataTable(Table, frozen=True, kw_only=True):
    """`[data]`: the rows, either inline or of a bundled data set."""

    inputs: Annotated[
        list[Any] | None,
        _says(
            "rows of inputs, a list of numbers for each; of a picture or a sequence nested lists, or all its numbers "
            "in one; of several inputs a table"
        ),
    ] = None
    targets: Annotated[
        list[Any] | None,
        _says(
            "a target per row: a list of numbers, or one number where there is one output; a number or a list for each "
            "time step where the network gives a sequence"
        ),
    ] = None
    input_divisors: Annotated[list[float] | None, _says("what each input column is divided by")] = None
    target_divisors: Annotated[list[float] | None, _says("what each target column is divided by")] = None
    validation_inputs: Annotated[
        list[Any] | None,
        _says("rows that do not train, whose loss is measured after each epoch; divided and scaled as `inputs` are"),
    ] = None
    validation_targets: Annotated[list[Any] | None, _says("a target for each of these rows")] = None
    set: Annotated[
        str | None, _says("name of a bundled data set, instead of rows; classes become a target of 0 or 1 per class")
    ] = None
    scale: Annotated[
        Literal["none", "standard", "largest"],
        _says(
            "`standard` scales each input column to mean 0 and standard deviation 1, both of the training rows; "
            "`largest` divides all inputs by the largest size of any, as pixels want it"
        ),
    ] = "none"
    target_scale: Annotated[
        Literal["none", "standard"], _says("`standard` scales each target column in the same way")
    ] = "none"
    split: Annotated[SplitTable | None, _says("a table of its own, below")] = None
    drawn: Annotated[
        DrawnTable | None, _says("rows that a known task draws, instead of others: a table of its own, below")
    ] = None


Digits = Annotated[str, Meta(pattern=r"^-?[0-9]*\.?[0-9]+(e-?[0-9]+)?$")]


class PublishedTable(Table, frozen=True, kw_only=True):
    """`[[published]]`: a number that the source prints, right or wrong, to be set beside ours."""

    quantity: Annotated[str, _says("what the number is: see the quantities below")]
    value: Annotated[Digits, _says("the digits as the source prints them, in quotes: all of them count")]
    after: Annotated[Seed, _says("after how many epochs; 0 is before the first update")] = 0
    label: Annotated[str, _says("what the source calls it, where that is something else")] = ""
    note: Annotated[str, _says("what to know of the figure: where it is wrong, how it came about")] = ""


class ComputedTable(Table, frozen=True, kw_only=True):
    """`[[computed]]`: a number that no source prints: exact arithmetic or a script gives it, apart from Backlit."""

    quantity: Annotated[str, _says("what the number is: see the quantities below")]
    value: Annotated[Digits, _says("its digits, in quotes: all of them count")]
    origin: Annotated[
        str, Meta(min_length=1), _says('what gives it, as the words after "From": `exact arithmetic`, `the script`')
    ]
    after: Annotated[Seed, _says("after how many epochs; 0 is before the first update")] = 0
    label: Annotated[str, _says("what the source calls it, where that is something else")] = ""
    note: Annotated[str, _says("what to know of the figure")] = ""


class RunTable(Table, frozen=True, kw_only=True):
    """`[[runs]]`: one of several runs side by side; its tables' keys take the place of the file's own."""

    name: Annotated[str, Meta(min_length=1), _says("name of the run")]
    about: Annotated[str, _says("what to see in it")] = ""
    network: Annotated[dict[str, Any], _says("keys of `[network]` that differ")] = {}
    data: Annotated[dict[str, Any], _says("keys of `[data]` that differ")] = {}
    training: Annotated[dict[str, Any], _says("keys of `[training]` that differ")] = {}
    published: Annotated[list[dict[str, Any]], _says("published numbers of this run")] = []
    computed: Annotated[list[dict[str, Any]], _says("computed numbers of this run")] = []


Range = tuple[float, float]


class PartTable(Table, frozen=True, kw_only=True):
    """`[[valley.parts]]`: a part of the lesson: words, and what is shown below them."""

    title: Annotated[str, Meta(min_length=1), _says("heading of the part")]
    about: Annotated[str, _says("what to see in it, in paragraphs")] = ""
    shows: Annotated[
        tuple[Literal["neuron", "valley", "steps", "signs", "descents", "rows"], ...],
        _says(
            "what is shown, in order: `neuron` (the rows, with answers at the start), `valley` (the error over the two "
            "weights, with the path), `steps` (the first updates with their numbers), `signs` (the error over one "
            "weight, with tangents), `descents` (the runs side by side), `rows` (the slopes of each row alone)"
        ),
    ]
    runs: Annotated[tuple[str, ...], _says("names of the runs that are shown; by default the first")] = ()


class ValleyTable(Table, frozen=True, kw_only=True):
    """`[valley]`: the error of a network of two weights, drawn as a valley with the runs' paths on it."""

    x_range: Annotated[Range, _says("the first weight, drawn from one value to another")]
    y_range: Annotated[Range, _says("the second weight, which may be a bias")]
    parts: Annotated[tuple[PartTable, ...], Meta(min_length=1), _says("a table for each part of the lesson, below")]


class TroublePartTable(Table, frozen=True, kw_only=True):
    """`[[trouble.parts]]` and `[[comparison.parts]]`: a part of the lesson: words, and what is shown below them."""

    title: Annotated[str, Meta(min_length=1), _says("heading of the part")]
    about: Annotated[str, _says("what to see in it, in paragraphs")] = ""
    shows: Annotated[
        tuple[
            Literal[
                "network",
                "losses",
                "accuracy",
                "answers",
                "signals",
                "finding",
                "beside",
                "warnings",
                "filters",
                "maps",
                "time",
            ],
            ...,
        ],
        _says(
            "what is shown, in order: `network` (of one run network, rows and training in a few lines, of several what "
            "their `about` says), `losses` (the error of training and validation rows over the epochs), `accuracy` "
            "(the share of rows that are predicted right), `answers` (what a network of one input and one output says "
            "over its input, with the rows), `signals` (the signal layer by layer, at the first and the last measured "
            "epoch), `finding` (what the diagnosis finds in the runs that `findings` names), `beside` (a table of the "
            "runs side by side), `warnings` (what the training warned of), `filters` (the weights of the first "
            "convolution's filters after training), `maps` (the trained network with the first row's numbers), `time` "
            "(the slope through time of the runs' first recurrent layers, at the first weights and after training)"
        ),
    ] = ()
    runs: Annotated[tuple[str, ...], _says("names of the runs that are shown; by default all")] = ()


class ComparisonTable(Table, frozen=True, kw_only=True):
    """`[comparison]`: runs side by side, in parts."""

    signal: Annotated[
        str,
        _says(
            "the signal that tells of it, layer by layer: `gradient_norm`, `gradient_mean`, `gradient_zeros`, "
            "`weight_norm`, `update_ratio`, `output_mean`, `output_spread`, `saturated` or `dead`"
        ),
    ] = ""
    compares: Annotated[
        Literal["largest", "first / last"],
        _says(
            "what of the signal stands in the table of the runs: the `largest` of the layers, or `first / last` layer"
        ),
    ] = "largest"
    parts: Annotated[tuple[TroublePartTable, ...], Meta(min_length=1), _says("a table for each part, below")]

    @property
    def findings(self) -> dict[str, str]:
        """No run has a trouble that is to be found."""
        return {}


class TroubleTable(ComparisonTable, frozen=True, kw_only=True):
    """`[trouble]`: runs of which some have a trouble of training that has a name, and the others its cures."""

    findings: Annotated[
        dict[str, str],
        Meta(min_length=1),
        _says('which run has the trouble, and the code of the finding that names it: { sigmoid = "BL303" }'),
    ]


class WorksheetTable(Table, frozen=True, kw_only=True):
    """`[worksheet]`: in a key that `backlit worksheet` writes, the sheet that it is of."""

    sheet: Annotated[str, _says("the name of the sheet's files, without an ending")] = ""
    student: Annotated[str, _says("whose it is")] = ""
    seed: Annotated[Seed, _says("what its numbers are drawn by")] = 0
    digits: Annotated[Seed | None, _says("how many places behind the point it asks for")] = None
    blanks: Annotated[tuple[str, ...], _says("the names of the numbers that it asks for")] = ()


class FileTable(Table, frozen=True, kw_only=True):
    """The file itself."""

    title: Annotated[str, _says("what the example is, in a line")] = ""
    teaches: Annotated[str, _says("what there is to learn from it, in a line")] = ""
    about: Annotated[str, _says("what a reader should know, in paragraphs")] = ""
    source: Annotated[str, _says("who published the numbers, and where")] = ""
    race: Annotated[bool, _says("whether the runs are compared by time too")] = False
    network: Annotated[dict[str, Any], _says("a table of its own, below")] = {}
    data: Annotated[dict[str, Any], _says("a table of its own, below")] = {}
    training: Annotated[dict[str, Any], _says("a table of its own, below")] = {}
    published: Annotated[list[dict[str, Any]], _says("a table for each published number, below")] = []
    computed: Annotated[list[dict[str, Any]], _says("a table for each number from another computation, below")] = []
    claimed: Annotated[
        dict[str, Any] | list[dict[str, Any]],
        _says("numbers that a learner has worked out, by name, for `backlit check`: a table of its own, below"),
    ] = {}
    worksheet: Annotated[
        WorksheetTable | None, _says("the sheet that a key of `backlit worksheet` is of: a table of its own, below")
    ] = None
    runs: Annotated[list[RunTable], _says("a table for each of several runs, below")] = []
    valley: Annotated[ValleyTable | None, _says("a table of its own, below")] = None
    trouble: Annotated[TroubleTable | None, _says("a table of its own, below")] = None
    comparison: Annotated[ComparisonTable | None, _says("a table of its own, below")] = None


class NetworkAlone(Table, frozen=True, kw_only=True):
    """The network of a file whose other tables do not count."""

    network: NetworkTable


class SetupTable(Table, frozen=True, kw_only=True):
    """What one run needs, all its keys together."""

    network: NetworkTable
    data: DataTable | None = None
    training: dict[str, Any] = {}
    published: tuple[PublishedTable, ...] = ()
    computed: tuple[ComputedTable, ...] = ()


LABELS = {
    "labels": "names of the units, or of the filters",
    "weight_labels": "names of the weights, in lists as those of `weights`: of a dense layer a list per input of the "
    "layer, a name per unit",
    "recurrent_labels": "names of a recurrent layer's weights from its own units, in lists as `recurrent_weights`",
    "bias_labels": "names of the biases, one per unit; one where `bias` is `shared`",
    "layout": "what a row of this layer's weights and their labels is of, where it differs from the file's `layout`: "
    "`inputs` or `units`",
}
"""Keys of a layer's table beside the settings of its op."""
