"""The HTTP surface: signed deliveries come in; operators, health checks and Prometheus are answered.

`app_factory.build_api` composes it. What it needs of the house are three protocols: `hooks.Inbox`,
`board.Board` and `health.HealthSource`.
"""
