"""A DuckDB file as a source: tables and views of its schemas, read in one transaction."""
