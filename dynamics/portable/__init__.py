"""A step as a program that makes the same bits wherever IEEE 754 holds: on this machine, on another, in a reader's page.

    a step is one pure function; XLA, the page and the server's path are readings of it

`graph` is the arithmetic, `elementary` the functions, `reading` how a jaxpr and `values` how a formula become a graph,
`program` what a run needs of it, `plan` what is computed where, `wasm` the bytes, `host` who runs them here.
"""
