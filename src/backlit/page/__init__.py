"""The page: a local web page that trains on one's own data, live, and lets one look inside.

`session` holds what one person does: a source of rows, a design, a training, and what is looked at. `trainer` is the
thread that trains. `panels` are the parts of the page: each gathers records and lets `show` draw them; its commands are
what a person can do there. `routes`, `events`, `guard` and `serving` bring both to a browser; `running`
starts it all.
"""
