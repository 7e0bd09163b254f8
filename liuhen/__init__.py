"""The one distinctive name: command line, settings, composition, logging.

settings   what an operator may choose
core       the record: database, stores, ledger, log; compared before anything is recorded
compose    the whole server: core, receiving half, pipeline, console
serve      start, listen, stop cleanly
cli        the commands, one module per group
"""
