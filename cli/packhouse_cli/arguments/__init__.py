"""Command lines: options and commands as values, the parser, the registry, and completion."""
