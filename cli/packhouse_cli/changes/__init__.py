"""Changes that the command sends to the store: built, confirmed, sent once, checked against the record."""
