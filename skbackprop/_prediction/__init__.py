"""What a fitted network does: predictions, fitted attributes, single rows."""
