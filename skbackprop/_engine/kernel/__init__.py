"""The compiled implementation of an epoch, in C with a layer of Cython."""
