"""PostgreSQL as a source: tables of one schema, read in one consistent snapshot."""
