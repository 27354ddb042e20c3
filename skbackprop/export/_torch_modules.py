"""Modules that PyTorch does not have, made when they are first asked for.

So this file imports without PyTorch, and the classes can be pickled by their names.
"""

from functools import cache

import numpy as np


def import_torch():
    """PyTorch, or an ImportError that says how to get it."""
    try:
        import torch
    except ImportError as error:
        raise ImportError(
            "This needs PyTorch: python -m pip install 'skbackprop[torch]'"
        ) from error
    return torch


def __getattr__(name):
    if name in _MAKERS:
        return _make(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


@cache
def _make(name):
    made = _MAKERS[name](import_torch())
    made.__module__, made.__qualname__ = __name__, name
    return made


def _exp(torch):
    class Exp(torch.nn.Module):
        """The exponential of each output."""

        def forward(self, z):
            return z.exp()

    return Exp


def _softmaxes(torch):
    class Softmaxes(torch.nn.Module):
        """A softmax over each of several groups of outputs.

        Parameters
        ----------
        sizes : sequence of int
        """

        def __init__(self, sizes):
            super().__init__()
            self.sizes = list(sizes)

        def forward(self, z):
            blocks = z.split(self.sizes, dim=-1)
            return torch.cat([block.softmax(dim=-1) for block in blocks], dim=-1)

    return Softmaxes


def _clip(torch):
    class Clip(torch.nn.Module):
        """Inputs moved to within their limits.

        Parameters
        ----------
        low, high : torch.Tensor of shape (n_inputs,)
        """

        def __init__(self, low, high):
            super().__init__()
            self.register_buffer("low", low)
            self.register_buffer("high", high)

        def forward(self, x):
            return x.clip(self.low, self.high)

    return Clip


def _encode(torch):
    class Encode(torch.nn.Module):
        """From the columns of a table to the inputs of a network.

        Parameters
        ----------
        encoder : InputEncoder
        fill : ndarray of shape (n_numeric,)
            What a missing cell of each numeric column counts as.
        """

        def __init__(self, encoder, fill):
            super().__init__()
            places, starts, widths = encoder.bin_of_inputs
            for name, values in (
                ("numeric", encoder.numeric),
                ("fill", fill),
                ("places", places),
                ("starts", starts),
                ("widths", widths),
                ("indicated", encoder.numeric[encoder.has_indicator]),
            ):
                self.register_buffer(name, torch.from_numpy(np.array(values)))
            self.columns = [category.levels.column for category in encoder.categories]
            for k, category in enumerate(encoder.categories):
                self.register_buffer(f"table_{k}", torch.from_numpy(category.table))

        def forward(self, x):
            values = x[..., self.numeric]
            values = torch.where(values.isnan(), self.fill.to(x.dtype), values)
            # In double precision, as the estimator does.
            shares = (values[..., self.places].double() - self.starts) / self.widths
            parts = [values, shares.clip(0, 1), x[..., self.indicated].isnan()]
            for k, column in enumerate(self.columns):
                table = getattr(self, f"table_{k}")
                unseen, missing = len(table) - 2, len(table) - 1
                code = x[..., column]
                is_known = (code >= 0) & (code < unseen) & (code == code.floor())
                row = torch.where(is_known, code, unseen)
                row = torch.where(code.isnan(), missing, row).long()
                parts.append(table[row])
            return torch.cat([part.to(x.dtype) for part in parts], dim=-1)

    return Encode


def _quantiles(torch):
    class Quantiles(torch.nn.Module):
        """The outputs of each target sorted, so that quantiles do not cross.

        Parameters
        ----------
        quantiles : sequence of float
        """

        def __init__(self, quantiles):
            super().__init__()
            self.ranks = np.argsort(np.argsort(quantiles)).tolist()

        def forward(self, z):
            by_target = z.unflatten(-1, (-1, len(self.ranks)))
            return by_target.sort(dim=-1).values[..., self.ranks].flatten(-2)

    return Quantiles


_MAKERS = {
    "Clip": _clip,
    "Encode": _encode,
    "Exp": _exp,
    "Quantiles": _quantiles,
    "Softmaxes": _softmaxes,
}
