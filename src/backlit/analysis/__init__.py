"""What a picture or a report needs beyond a training's own records, computed by the engine into records.

The error over a grid of weights and the path of descent on it (`valley`), predictions over a plane of inputs
(`boundary`), and the report of a model on a table (`reporting`): scores with intervals, the rows that are most wrong,
the importance of columns. scikit-learn computes the scores. Nothing here draws: `show` does, from these records.
"""
