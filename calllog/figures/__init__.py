"""Every figure, defined in one place next to the code that computes it, over the tables of the archive."""
