"""What a picture or a report needs beyond a training's own records, computed by the engine into records.

`valley`: the error over a plane of weights, and paths of descent on it. `boundary`: predictions over a plane of inputs.
`report`: a model measured on a table: scores with intervals, the rows that are most wrong, the importance of columns.
scikit-learn computes the scores. Nothing here draws: `show` does, from these records.
"""
