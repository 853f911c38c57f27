"""Who a command speaks to: the daemon, the store, and an order taken over while a change is made."""
