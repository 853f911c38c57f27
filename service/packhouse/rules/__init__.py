"""Pure decisions about an order: whether it ships, which units, at which rate. No I/O, no clock."""
