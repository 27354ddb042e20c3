"""Which classifiers inside a composition are asked for `decision_function`, in skl2onnx.

scikit-learn's CalibratedClassifierCV and OneVsOneClassifier, and a StackingClassifier that is
told so, take the scores of a classifier and not its probabilities. skl2onnx says so to a
classifier's converter by the option ``raw_scores``, but not through a Pipeline or a search.
"""

from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import BaggingClassifier, StackingClassifier
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.pipeline import Pipeline


def scores_are_asked(scope, container, model):
    """Whether a classifier is to give the scores of `decision_function` for probabilities.

    Parameters
    ----------
    scope, container : of skl2onnx
        They know the compositions around the classifier, and the options of each.
    model : classifier
        One that is being converted.

    Returns
    -------
    asked : bool
        True by the option ``raw_scores`` of the classifier, or by what surrounds it.
    """
    options = container.get_options(model, {"raw_scores": False}, fail=False) or {}
    if options.get("raw_scores"):
        return True
    around = [operator.raw_operator for operator in scope.operators.values()]
    return any(
        _is_inside(model, _scored(composition))
        or (
            _is_inside(model, _scored_if_asked(composition))
            and scores_are_asked(scope, container, composition)
        )
        for composition in around
    )


def _scored(composition):
    """The classifiers of which a composition takes the scores."""
    if isinstance(composition, CalibratedClassifierCV):
        return [each.estimator for each in composition.calibrated_classifiers_]
    if isinstance(composition, OneVsOneClassifier):
        return composition.estimators_
    if isinstance(composition, StackingClassifier):
        methods = zip(composition.estimators_, composition.stack_method_, strict=True)
        return [each for each, method in methods if method == "decision_function"]
    return []


def _scored_if_asked(composition):
    """The classifiers of which it takes the scores where it is asked for its own."""
    if isinstance(composition, (BaggingClassifier, OneVsRestClassifier)):
        return composition.estimators_
    return list(_chain(composition))[1:2]


def _chain(model):
    """A model, the last step or the best estimator within it, and so on."""
    while model is not None:
        yield model
        last = model.steps[-1][1] if isinstance(model, Pipeline) else None
        model = getattr(model, "best_estimator_", last)


def _is_inside(model, models):
    return any(each is model for outer in models for each in _chain(outer))
