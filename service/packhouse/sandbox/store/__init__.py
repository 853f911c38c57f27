"""The fake Aly store: its state, its REST API, its webhooks, its products and its buyers."""
