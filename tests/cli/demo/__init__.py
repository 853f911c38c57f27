"""The demonstration, part by part; the whole of it runs in tests/e2e."""
