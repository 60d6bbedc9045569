"""The log of a training: what trains, each epoch's numbers and signals, why it stopped, written as the training goes.

`records` says what there is to write, `following` follows a training, and each file of the others writes to one kind of
place: `json_lines` a file of JSON lines, `event_files` TensorBoard's event files, `mlflow_runs` a run of MLflow.
"""
