"""The operator API, one module a noun; each turns a request into one call of operations and one body."""
