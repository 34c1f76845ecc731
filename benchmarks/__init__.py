"""Measurements of a whole running installation: `make bench`. Figures, never asserts, since machines differ.

Each starts servers and workers of its own in a new folder, as `manage.py up` does, and ends them.
"""
