"""The durable record. Everything that must survive a crash is written here; nothing above writes SQL."""
