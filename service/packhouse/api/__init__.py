"""The HTTP API: receives webhooks, serves operators, and answers health checks and Prometheus.

`app.build_api` composes it. It calls `packhouse.operations`, and knows the rest by two protocols:
`webhooks.Inbox` and `health.HealthSource`.
"""
