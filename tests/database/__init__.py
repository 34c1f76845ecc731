"""Django's own PostgreSQL backend, which empties the tables after a test in another way."""
