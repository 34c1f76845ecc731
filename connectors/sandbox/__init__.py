"""Sandbox Payroll: a real HTTP server for a made-up payroll product, for demos, tests and trying things out.

It needs neither Django, nor dlt, nor a database. Start it with `python -m connectors.sandbox --port 8090`; its
data follows from a seed alone, and its knobs make chosen companies slow, failing or rate limited.
"""
