"""Moves the data of one entity. The only place that imports dlt; nothing on the web's path imports this package.

The package itself imports nothing, so that naming it costs nothing: call `run.warm_up` before forking workers.
"""
