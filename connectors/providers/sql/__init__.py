"""What all SQL sources have in common: which schemas are synced, how a table is read, and how its rows become text.

A source of the family (a package beside this one) brings what differs: how to connect, what the catalogue says, and
its words for a few expressions, as a `Dialect` and a `Session`. Nothing in here loads a driver.
"""
