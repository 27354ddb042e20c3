"""Parameters and fitted state, apart and put together again."""

from sklearn.utils import check_random_state

from .._classifier import BackpropClassifier
from .._parameters import check_parameters
from .._regressor import BackpropRegressor
from .._serialization import FITTED, InvalidStateError, from_plain, require, to_plain
from ._codec import Decoder, encode

ESTIMATORS = {kind.__name__: kind for kind in (BackpropClassifier, BackpropRegressor)}
_HEADER = {"format_version", "versions", "estimator", "parameters", "fitted", "arrays"}


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
    """The fitted state, which is refused here rather than when it is loaded again."""
    state = vars(estimator)
    plain = to_plain({name: state[name] for name in FITTED if name in state})
    try:
        from_plain(plain, estimator)
    except InvalidStateError as error:
        raise ValueError(f"The estimator cannot be saved: {error}") from error
    return encode(plain, arrays)


def assemble(header, arrays):
    """An estimator from the content of a file."""
    require(
        set(header) == _HEADER, f"its header lacks or adds {sorted(set(header) ^ _HEADER)}."
    )
    name = header["estimator"]
    require(
        isinstance(name, str) and name in ESTIMATORS,
        f"its estimator must be one of {sorted(ESTIMATORS)}. Got {name!r:.80}.",
    )
    decode = Decoder(arrays)
    estimator = ESTIMATORS[name]()
    estimator.set_params(**_parameters(header["parameters"], estimator, decode))
    check_parameters(estimator)
    check_random_state(estimator.random_state)
    fitted = from_plain(decode(header["fitted"]), estimator)
    require("_params" in fitted, "its estimator is not fitted.")
    require(not decode.unused, "an array is not used.")
    estimator._restore(fitted)
    return estimator


def _parameters(encoded, estimator, decode):
    """The parameters in a file; an older one lacks those that came later."""
    require(isinstance(encoded, dict), "its parameters must be an object.")
    unknown = set(encoded) - set(estimator.get_params(deep=False))
    require(not unknown, f"it has parameters that are unknown here: {sorted(unknown)}.")
    parameters = {}
    for name, value in encoded.items():
        try:
            parameters[name] = decode(value)
        except InvalidStateError as error:
            raise InvalidStateError(f"its parameter {name!r} is not sound: {error}") from error
    return parameters
