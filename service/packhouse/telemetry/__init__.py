"""What the daemon tells of itself: log lines and numbers. Every room may call it; it calls none."""
