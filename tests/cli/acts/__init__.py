"""Acts on one order, without a store."""
