"""The store: its protocol without I/O, an async and a blocking client, and the webhook signature."""
