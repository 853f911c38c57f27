"""The daemon's work besides HTTP: intake of events, workers for due orders, periodic tasks, readiness."""
