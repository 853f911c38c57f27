"""Tests of log lines and numbers."""
