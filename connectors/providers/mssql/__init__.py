"""SQL Server as a source: tables of one or several schemas of a database. Untested: no server was at hand."""
