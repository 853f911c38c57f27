"""Command lines: parsers, typed values, completion, and the tree of all commands."""
