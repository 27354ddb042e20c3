"""From what users give to what the network takes: validation, encoding, weights, scaling."""
