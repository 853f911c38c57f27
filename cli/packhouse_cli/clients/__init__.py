"""The clients of daemon and store, and taking an order over from the daemon."""
