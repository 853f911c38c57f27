"""The demo: runs the sandbox and the daemon, shows their progress, and checks that their records agree."""
