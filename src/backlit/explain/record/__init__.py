"""One training step as the engine recorded it, and the records that a worked example is made of.

`recording` runs one float64 step of the engine in plain mode on a copy of the network and keeps every buffer;
`quantities` names the numbers in these buffers, each with its formula; `step_records` declares the frozen records that
leave the package. The interface: `recording.Recording` with its `Settings`, `quantities.Quantity` with `Key` and
`Place` for one number of it, and the records.
"""
