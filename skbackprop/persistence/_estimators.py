"""Parameters and fitted state, apart and put together again."""

from dataclasses import fields

from ..classifier import BackpropClassifier
from ..parameters import check_parameters
from ..regressor import BackpropRegressor
from ..session import Standing
from ._soundness import (
    check_attributes,
    check_labels,
    check_network,
    check_scaling,
    check_standing,
    check_targets,
)
from ._values import decode, encode, require

ESTIMATORS = {kind.__name__: kind for kind in (BackpropClassifier, BackpropRegressor)}
# The fitted attributes that are kept as they are.
PLAIN = ("_network", "_scaling", "_examined", "n_iter_", "converged_", "alpha_",
         "engine_", "n_features_in_", "history_")  # fmt: skip
OF_TARGETS = {"BackpropClassifier": ("_labels",), "BackpropRegressor": ("_flat", "_n_targets")}
_OPTIONAL = ("feature_names_in_", "_class_totals")


def encode_parameters(estimator, arrays):
    """The parameters by their names."""
    encoded = {}
    for name, value in estimator.get_params(deep=False).items():
        try:
            encoded[name] = encode(value, arrays)
        except TypeError as error:
            raise TypeError(f"The {name!r} parameter cannot be saved. {error}") from None
    return encoded


def encode_fitted(estimator, arrays):
    """The fitted state; arrays that are one and the same are written once."""
    state, standing = vars(estimator), estimator._standing
    names = (*PLAIN, *OF_TARGETS[type(estimator).__name__], *_OPTIONAL)
    encoded = {name: encode(state[name], arrays) for name in names if name in state}
    for field in fields(Standing):
        value = getattr(standing, field.name)
        if field.name == "best" and value is standing.params:
            value = None
        encoded[field.name] = encode(value, arrays)
    return encoded


def assemble(header, arrays):
    """An estimator from the content of a file."""
    wanted = {"format_version", "versions", "estimator", "parameters", "fitted", "arrays"}
    require(set(header) == wanted, f"its header lacks or adds {sorted(set(header) ^ wanted)}")
    kind = ESTIMATORS[header["estimator"]]
    parameters = {k: decode(v, arrays) for k, v in header["parameters"].items()}
    unknown = set(parameters) - set(kind().get_params())
    require(not unknown, f"it has parameters that are unknown here: {sorted(unknown)}")
    estimator = kind(**parameters)
    check_parameters(estimator)
    fitted = {k: decode(v, arrays) for k, v in header["fitted"].items()}
    plain = {*PLAIN, *OF_TARGETS[kind.__name__]}
    names = plain | {field.name for field in fields(Standing)}
    require(all(array is None for array in arrays), "an array is not used")
    found = set(fitted) - set(_OPTIONAL)
    require(found == names, f"its fitted state lacks or adds {sorted(found ^ names)}")
    standing = Standing(**{field.name: fitted.pop(field.name) for field in fields(Standing)})
    if standing.best is None:
        standing.best = standing.params
    check_network(fitted["_network"])
    check_standing(standing, fitted["_network"])
    check_scaling(fitted["_scaling"], fitted["_network"])
    check_attributes(fitted, fitted["_network"])
    if kind is BackpropClassifier:
        check_labels(fitted["_labels"], fitted["_network"])
    else:
        check_targets(fitted["_flat"], fitted["_n_targets"], fitted["_network"])
    estimator._become(fitted | {"_standing": standing, "_params": standing.best})
    return estimator
