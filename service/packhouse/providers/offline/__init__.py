"""Sample labels without an account or a network: adapter.py draws them, wire.py decides their content."""
