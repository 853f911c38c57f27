"""Bulk work: rows, plans, and what becomes of each act."""
