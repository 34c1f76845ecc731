"""An end user on his way from a link to a connection: where he is, what he does next, and what comes of it.

The one place that speaks to all three: sessions and their events, providers and connections, jobs.
"""
