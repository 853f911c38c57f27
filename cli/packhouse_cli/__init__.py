"""The command line: people and scripts come in; store, daemon and sandbox are reached from here."""
