"""A copy of the archive by columns, and DuckDB, which answers from it."""
