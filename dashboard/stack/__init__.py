"""The one-command stack: embedded servers and the process tree behind ``manage.py up``.

Nothing in this package imports Django settings or models, so it can run before there is a database. The order of the
start is in ``boot``, the processes are listed in ``processes``, and each server has a module of its own.
"""
