"""Moving in: reads what another tracking server has recorded and writes it into a store of Trackside, and back out."""
