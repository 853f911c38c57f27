"""The user's own program as a provider: process.py runs it, wire.py defines its input and its answers."""
