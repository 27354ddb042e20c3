"""Training on more than one machine, with dask.

The rows stay where they are. Each round the parameters go out to the workers, and what comes
back is as small as the parameters, added on its way. See docs/distributed.md.
"""

from ._fit import fit

__all__ = ["fit"]
