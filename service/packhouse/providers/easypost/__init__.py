"""EasyPost through its REST API: adapter.py calls, wire.py translates."""
