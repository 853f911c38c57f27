"""What a person reads and types: text, tables, formats of times and amounts, questions."""
