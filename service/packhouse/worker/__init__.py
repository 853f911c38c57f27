"""What runs next to the HTTP server: intake of events, workers on due orders, periodic tasks, readiness."""
