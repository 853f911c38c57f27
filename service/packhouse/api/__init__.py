"""The HTTP server: the webhook endpoint, the operator API, health checks and metrics.

`app.build_api` builds the ASGI app. Each route calls `operations`; no module here uses the ledger.
"""
