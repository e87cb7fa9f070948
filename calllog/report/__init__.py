"""Reports of the archive: what is told (`model`), who makes it, how it is shown."""
