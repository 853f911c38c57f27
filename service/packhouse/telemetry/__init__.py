"""Logs and metrics. Most modules may import this package; it imports only packhouse.model."""
