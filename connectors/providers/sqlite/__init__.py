"""A SQLite file as a source: its tables and views, read in one transaction."""
