"""One noun a module: each parses its own arguments, makes one call, and prints once."""
