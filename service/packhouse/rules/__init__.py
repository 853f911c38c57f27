"""Pure decisions: may it ship, which units, how, with whom. No I/O, no clock."""
