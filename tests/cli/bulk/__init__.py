"""Bulk changes: rows, plans and results."""
