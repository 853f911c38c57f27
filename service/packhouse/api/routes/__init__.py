"""The operator API, one module per resource; each route turns a request into one call of operations."""
