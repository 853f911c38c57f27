"""Tests of the HTTP surface, through ASGI."""
