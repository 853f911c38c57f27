"""EasyPost, over its REST interface: wire.py translates, adapter.py calls."""
