"""Machine code on disk: what it depends on, where it is kept, and how it is loaded without the compiler.

`digest` digests what a function depends on, `disk_cache` keeps object code under that digest and finds it again,
`object_code` optimises, translates and links it, `background` starts a helper process that fills the cache,
`announcing` tells the command line that code is about to be compiled. The package compiles no function: `compiled`
does, and calls it. Its interface is the functions of these files. Importing them loads no Numba.
"""
