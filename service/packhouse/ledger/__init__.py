"""The ledger: everything that must survive a crash. Only this package contains SQL."""
