"""The form of a declaration: what is read of a REST API, as rows to fill in or as text."""
