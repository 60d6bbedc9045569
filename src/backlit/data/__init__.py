"""Tables in: read a file or DataFrame, encode its columns as numbers, split its rows. Knows no networks.

`read_table` gives a `Table` from any source; `choose_task` decides between classes and numbers; `split_rows` chooses
training, validation and test rows; an `Encoder` learns from training rows how columns become numbers and applies that
to any rows. These names are the interface of the package.

>>> import numpy as np
>>> from backlit.data import Encoder, choose_task, read_table, split_rows
>>> table = read_table("iris")
>>> task = choose_task(table)
>>> print(task.reason)
"species" holds text: 3 classes (to override: --task numbers)
>>> table = table.drop_missing(task.column)
>>> train, validation, test = split_rows(table.values(task.column), table.n_rows, rng=np.random.default_rng(0))
>>> encoder = Encoder.fit(table, task, rows=train)
>>> X, Y = encoder.encode_features(table.take(train)), encoder.encode_target(table.take(train))
>>> X.shape, Y.shape, encoder.classes
((105, 4), (105,), ('setosa', 'versicolor', 'virginica'))

Names are imported when first used, so that `import backlit.data` costs nothing (the command line answers --help
without loading Arrow).
"""

from typing import TYPE_CHECKING

from backlit.lazy import lazily

if TYPE_CHECKING:
    from backlit.data.bundled import BUNDLED
    from backlit.data.cell_notes import cell_notes
    from backlit.data.columns import ColumnReport
    from backlit.data.encoding import Encoded, Encoder, FeatureEncoder
    from backlit.data.reading import read_table, table_of_bytes
    from backlit.data.splitting import split_rows
    from backlit.data.surprises import Surprise
    from backlit.data.table import Table
    from backlit.data.target import ClassTarget, NumberTarget, Task, choose_task

_PLACES = {
    "BUNDLED": "bundled",
    "ClassTarget": "target",
    "ColumnReport": "columns",
    "Encoded": "encoding",
    "Encoder": "encoding",
    "FeatureEncoder": "encoding",
    "NumberTarget": "target",
    "Surprise": "surprises",
    "Table": "table",
    "Task": "target",
    "cell_notes": "cell_notes",
    "choose_task": "target",
    "read_table": "reading",
    "split_rows": "splitting",
    "table_of_bytes": "reading",
}

__all__ = [
    "BUNDLED",
    "ClassTarget",
    "ColumnReport",
    "Encoded",
    "Encoder",
    "FeatureEncoder",
    "NumberTarget",
    "Surprise",
    "Table",
    "Task",
    "cell_notes",
    "choose_task",
    "read_table",
    "split_rows",
    "table_of_bytes",
]

__getattr__ = lazily(__name__, _PLACES)
