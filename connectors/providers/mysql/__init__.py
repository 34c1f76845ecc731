"""MySQL and MariaDB as a source: tables of one or several databases, read in one consistent snapshot."""
