"""Labels without an account or a network, marked as samples: wire.py decides what stands on them."""
