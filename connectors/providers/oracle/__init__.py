"""Oracle as a source: tables of one or several schemas. Untested: no server was at hand."""
