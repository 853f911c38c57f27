"""The store: its protocol without I/O, an async and a blocking door, and the webhook's signature."""
