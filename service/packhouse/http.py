"""The one place that says which HTTP client "httpx" is: httpx2, its maintained continuation (ADR 0005)."""

import httpx2 as httpx

__all__ = ["httpx"]
