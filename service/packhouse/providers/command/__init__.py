"""The user's own program as a carrier: process.py runs it, wire.py fixes what it is told and may answer."""
