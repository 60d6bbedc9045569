"""Machine code on disk: what it depends on, where it is kept, how it comes into memory without the compiler.

`digest` says what a function depends on, `disk_cache` keeps object code under that digest and finds it again,
`object_code` optimises, translates and links it, `background` has a helper process fill the cache. The package compiles
no function; `compiled` calls it. Its interface is the functions of these files; importing them loads no Numba.
"""
