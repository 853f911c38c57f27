"""Pure: units become parcels with a weight and a size."""
