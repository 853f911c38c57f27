"""The operator API, one module per noun; each route turns a request into one call of operations."""
