"""One call of training: what its parameters come to, its data, its loop."""
