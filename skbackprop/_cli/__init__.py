"""The command ``skbackprop``, which is ``python -m skbackprop`` as well."""
