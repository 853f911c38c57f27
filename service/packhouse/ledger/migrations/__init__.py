"""Alembic's scripts: how a ledger of any age becomes the present one."""
