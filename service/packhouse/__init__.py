"""Packhouse ships the orders of an Aly store automatically. Start reading at flow.py."""

__version__ = "0.1.0"
