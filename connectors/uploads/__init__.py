"""Uploaded files on our disk: kept under their ID, looked into by a process of its own, removed when they are old."""
