"""The terminal: escaped and styled text, tables, formats of times, questions."""
