"""BackpropClassifier: labels to targets, outputs to probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils.validation import check_is_fitted

from . import _initial_weights
from ._base import BaseBackprop, available_with_partial_fit
from ._input_validation import dense_targets
from ._label_types import refuse_mixture, type_of_label, type_of_labels
from ._parameters import CLASSIFIER_RULES
from ._probabilities import log_probabilities, probabilities
from ._sample_weight import accumulate_totals, weigh_classes, weigh_stream
from ._single_row import (
    learn_row,
    predictor_for,
    prepare_stream,
    read_indicators,
    read_label,
)
from ._target_encoding import MULTILABEL, MULTIOUTPUT, SINGLE, ClassEncoder, distinct, kind_of
from ._training_lock import training_lock
from .engine.losses import loss_name

if TYPE_CHECKING:
    from numpy.typing import ArrayLike
    from typing_extensions import Self

    from ._typing import (
        Activations,
        Array,
        Auto,
        BatchSize,
        ClassWeight,
        Rows,
        Schedule,
        Scoring,
        Seed,
        Sizes,
        Solver,
        WeightInit,
    )
    from .engine.losses import Loss


class BackpropClassifier(ClassifierMixin, BaseBackprop):
    """Classifier: a feed-forward network trained by backpropagation [1]_.

    Binary, multiclass and multilabel targets; dense and sparse input; online, mini-batch
    and batch learning.

    Parameters
    ----------
    hidden_layer_sizes : int, sequence of ints or "auto", default=(64, 64)
        The number of neurons in each hidden layer; ``()`` is a network without one. "auto" is
        one layer of half as many neurons as there are inputs and outputs together (Weka's "a"),
        at least 2, and at most 256 and one for every two rows.
    activation : str, Activation, or sequence of these, default="relu"
        The activation function of the hidden layers, or one per hidden layer. Given their
        weighted sums z:

        - "identity": ``z``;
        - "logistic" (or "sigmoid"): ``1 / (1 + exp(-z))``;
        - "tanh": ``tanh(z)``;
        - "relu": ``max(0, z)``;
        - "leaky_relu": ``z`` above zero, ``0.01 * z`` below;
        - "elu": ``z`` above zero, ``exp(z) - 1`` below [4]_;
        - "selu": elu, scaled so that it normalizes itself [5]_;
        - "softplus": ``log(1 + exp(z))``;
        - "silu": ``z / (1 + exp(-z))`` [6]_;
        - "gelu": ``z`` times the standard normal distribution function of ``z`` [7]_;
        - "mish": ``z * tanh(log(1 + exp(z)))`` [8]_;
        - an object of class `skbackprop.Activation`, one's own function.
    output_activation : str, default="auto"
        The activation function of the output layer. "auto" is what the loss calls for:
        softmax for classes and logistic for two classes or labels with log loss, logistic
        with squared error. With squared error, any of the names of `activation`, and "exp".
    loss : {"auto", "log_loss", "squared_error"} or Loss, default="auto"
        What training makes small. "auto" is "log_loss", the cross-entropy: with two classes
        through one logistic output, with labels through one each, else through a softmax for
        each column of the targets. "squared_error" is the textbook's: half the summed squared
        error of one logistic output per class, also for two classes. An object of class
        `skbackprop.Loss`, one's own loss, gets one output per class, too.
    solver : str or Solver, default="sgd"
        How gradients become updates; a `skbackprop.Solver` is one of your own. Step by step,
        in batches of `batch_size`:

        - "sgd": gradient descent, plain for ``momentum=0``, else with momentum [3]_;
        - "adam": steps scaled by running moments of the gradient [2]_;
        - "amsgrad": the same, where the steps of a weight never grow again [22]_;
        - "rmsprop": steps scaled by its running mean square [9]_.

        By the gradient of all rows at once:

        - "rprop": a step size for each weight, by the gradient's sign (iRprop-) [10]_;
        - "lbfgs": scipy's quasi-Newton solver [11]_. Going on with it repeats the earlier
          iterations, for it can only be resumed from where it began;
        - "lm": Levenberg-Marquardt, for squared error and at most 5000 weights and biases,
          or at most 5000 residuals (samples times outputs) [12]_.

        A parameter that a solver has no use for is ignored; where the text below says
        "not with", another value than the one that turns it off is refused.
    alpha : float >= 0 or "auto", default="auto"
        Strength of the L2 penalty. As in scikit-learn's MLP, each batch's objective is the
        mean loss of its rows plus ``alpha / 2 * sum(weights ** 2) / n_rows``, so that small
        batches are penalized more. "auto" is ``strength * batch_size / n_samples``: over an
        epoch the weights weigh the same against all rows, however many there are. The
        strength is ``12 * (s - 0.05)``, but at least 0.5 and at most 8, where s tells how noisy
        the targets are. It is found before training, on at most 500 rows: the mean squared
        difference between the targets of nearest neighbors, over that of any two rows, where
        two classes are the same or not. The 0.05 is put down to the distance between
        neighbors. Neighbors that are no nearer than other rows, as in a truth table, say
        nothing, and the strength is 0.5. In `partial_fit`, which sees no end of rows, "auto"
        is 0.
    batch_size : int, "auto" or "full", default="auto"
        Rows per update. 1 is online learning, "full" is batch gradient descent with one
        update at the end of each epoch, "auto" is 1 for "sgd" and 32 for
        the others.
        Larger values than there are presentations in an epoch are clipped. Ignored by "rprop",
        "lbfgs" and "lm".
    learning_rate : {"auto", "constant", "invscaling", "adaptive", "linear", "cosine"}, \
            default="auto"
        How `learning_rate_init` changes between epochs:

        - "constant": not at all;
        - "invscaling": divided by ``(t_ + 1) ** power_t``, with "sgd" alone, as in
          scikit-learn;
        - "adaptive": divided by 5 each time training stalls (see `tol`), until it has
          reached 1e-6; with "sgd" alone;
        - "linear" and "cosine": falling to zero over `max_iter` epochs, in a straight line
          or along half a cosine [13]_; in `partial_fit` over as many calls, where `max_iter`
          is a number, and else not at all;
        - "auto": "linear" in `fit`, "constant" in `partial_fit`.

        Ignored by "rprop", "lbfgs" and "lm".
    learning_rate_init : float > 0 or "auto", default="auto"
        The learning rate of the first epoch; with "rprop" the first step of every weight.
        "auto" is ``0.03 * (1 - momentum)`` for "sgd", 0.005 for the two kinds of
        Adam and "rmsprop", and 0.01
        for "rprop". Inputs standardized and gradients clipped, rates up to 0.5 are safe, with a
        momentum of 0.9 up to 0.05, with "adam" up to 0.1. Ignored by "lbfgs" and "lm".
    power_t : float >= 0, default=0.5
        The exponent of "invscaling".
    max_iter : int >= 1 or "auto", default="auto"
        The number of epochs that a call of `fit` trains at most; for "lbfgs" and "lm" that
        of their iterations. "auto" is 60 where the learning rate falls to zero, fewer above
        50,000 rows, so that they are presented three million times, but at least 5 times each;
        and 200 where `tol` ends training.
    shuffle : bool, default=True
        Whether to present the rows of each epoch in a new random order. The order does
        not depend on how the rows of `X` are sorted. False presents them as given.
    random_state : int, RandomState instance or None, default=None
        Seeds the initial weights, the order of the rows, dropout, the choice of rows to hold
        out, and how fractional sample weights are rounded. Pass an int for bit-identical
        results in every call.
    tol : float >= 0, None or "auto", default="auto"
        Training ends early when the loss, or what is measured on held-out rows with
        `early_stopping`, has not improved by `tol` for more than `n_iter_no_change` epochs in
        a row. "lbfgs" and "lm" end when no component of the gradient is larger than `tol`.
        None trains for `max_iter` epochs. "auto" is None where the learning rate falls to
        zero, unless there is `early_stopping`, and else 1e-4.
    verbose : int or bool, default=0
        1 prints a line per epoch, in the textbook's form; 2 says more.
    warm_start : bool, default=False
        Whether `fit` goes on from where the last call ended, for up to `max_iter` epochs
        more. Update rule, learning rate and random order go on too: 10 epochs and 10 more
        equal 20, but for the two schedules that plan their end.
    momentum : float in [0, 1], default=0.0
        Momentum of "sgd"; 0 is plain gradient descent.
    nesterovs_momentum : bool, default=True
        Whether to use Nesterov's momentum. Without effect for ``momentum=0``.
    early_stopping : bool, default=False
        Whether rows that are not trained on decide when training ends: those given to `fit`
        as `X_val` and `y_val`, or else a share of the training rows, of every class.
        Copies of a row stay together. "lbfgs" heeds given rows alone, as scikit-learn's
        never sets any aside.
    validation_fraction : float in (0, 1), default=0.1
        The share of the rows to hold out. Rows are counted, whatever they weigh, but a
        weight above one counts as so many copies.
    beta_1, beta_2 : float in [0, 1), default=0.9 and 0.999
        Decay rates of the moments of Adam and AMSGrad; `beta_2` is that of rmsprop's mean
        square, too.
    epsilon : float > 0, default=1e-8
        Keeps Adam, AMSGrad and rmsprop from dividing by zero.
    n_iter_no_change : int >= 1 or inf, default=10
        See `tol`.
    max_fun : int >= 1, default=15000
        The number of gradients that "lbfgs" may compute in a call; a warning says if it
        ended training.
    weight_decay : float >= 0, default=0.0
        Decoupled decay: each update shrinks the weights by the rate times `weight_decay`
        [14]_. Not with "rprop", "lbfgs" and "lm".
    l1 : float >= 0, default=0.0
        Strength of the L1 penalty, ``l1 * sum(abs(weights)) / n_rows``. Not with "lbfgs" and
        "lm".
    dropout : float in [0, 1), or sequence of these, default=0.0
        The share of hidden neurons that sit out a presentation, for all hidden layers or for
        each; the others' outputs are raised to make up for it [15]_. Not with "rprop",
        "lbfgs" and "lm".
    clip_norm : float > 0 or None, default=5.0
        The largest norm that the gradient of a batch's loss may have; a longer one is
        shortened to it [16]_. So a row far from all others moves the network, and does not
        throw it. None takes every gradient as it is, and so do "rprop", "lbfgs" and "lm".
    max_norm : float > 0 or None, default=None
        The largest norm that the incoming weights of a neuron may have after an update [17]_.
        Not with "lbfgs" and "lm".
    weight_init : str, callable or (coefs, intercepts), default="auto"
        Where training starts.

        - "glorot_uniform", "glorot_normal" [18]_, "he_uniform", "he_normal" [19]_,
          "lecun_normal" [20]_, "nguyen_widrow" [21]_;
        - "uniform": from [0, 1), as the textbook;
        - "mlp": what scikit-learn's MLP draws from the same `random_state`;
        - "auto": "he_uniform" into relu, leaky_relu, elu, silu, gelu and mish,
          "lecun_normal" into selu, else "glorot_uniform";
        - a callable ``(fan_in, fan_out, rng)`` that returns an array of shape
          ``(fan_in + 1, fan_out)``, the biases in its last row;
        - a pair of lists of arrays, shaped like `coefs_` and `intercepts_`.
    standardize : bool, default=True
        Whether to standardize the inputs inside, by the training data of `fit` and its
        weights. Dense columns in which a few values lie further from the others than ten
        times the range of these, such as -999 for missing cells, are clipped to the range of
        the others first (see `input_limits_`). Columns that are constant have no influence.
        Sparse inputs are scaled, and neither centered nor clipped. The statistics are folded
        into `coefs_` and `intercepts_`, which describe an ordinary network on raw inputs.
        `partial_fit` uses the statistics of an earlier `fit`, and none without one.
    scoring : None, "score", str or callable, default=None
        What is measured on held-out rows besides the loss, and decides in its place with
        `early_stopping`: "score" is the estimator's own `score`, a str names a scorer of
        scikit-learn, a callable is ``scoring(estimator, X, y) -> float``, larger being better.
        Between equal scores the validation loss decides; NaN is worse than any number.
    restore_best : bool, default=True
        Whether, with `early_stopping`, the network that did best on held-out rows is the one
        that predicts, and not the last.
    max_restarts : int >= 0, default=3
        How often training starts again with half the learning rate, and warns, where it
        diverges or ends with a hidden layer whose neurons are all saturated. After that,
        divergence is an error, and saturation a warning. Ignored by "rprop", "lbfgs" and "lm".
    class_weight : None, "balanced", dict, or list of dicts, default=None
        How much each class counts, as a factor of the sample weights; a list holds a
        dictionary per column of the targets. Classes without an entry count 1. "balanced" is
        the inverse of a class's weight in the training data. The sum of all weights, and so
        the time of training, stays what it was. In `partial_fit` the factors are taken as
        they are, and "balanced" goes by the rows seen so far, with a factor of 1 for the most
        frequent class. Classes that do not occur, or not yet, have no effect.
    grow_classes : bool, default=False
        Whether `partial_fit` accepts classes that it has not seen before: each gets an output
        of its own, and what was learned of the others is not touched.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,), or list of these
        The class labels, for several columns of classes a list of each column's; the numbers
        of the labels for multilabel targets.
    coefs_ : list of ndarrays of shape (n_in, n_out)
        The weights of each layer. ``coefs_[1] = weights`` changes the network; a layer into
        which standardization is folded is read-only. `weight_init` takes changed weights.
    intercepts_ : list of ndarrays of shape (n_out,)
        The biases of each layer.
    input_limits_ : ndarray of shape (2, `n_features_in_`) or None
        The smallest and the largest value to which each input is clipped, infinite for
        columns that are not; None where none is.
    n_features_in_ : int
        The number of inputs.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        The names of the inputs, where `X` had names that are all strings.
    n_layers_ : int
        The number of layers of neurons, inputs and outputs included.
    n_outputs_ : int
        The number of outputs of the network.
    out_activation_ : str
        The name of the output activation.
    n_iter_ : int
        The number of epochs that the last call trained.
    converged_ : bool
        Whether the last call ended because there was nothing left to improve.
    t_ : int
        The number of training rows presented so far.
    loss_ : float
        The loss of the last epoch.
    best_loss_ : float or None
        The smallest loss of an epoch; None with `early_stopping`.
    loss_curve_ : list of float
        The loss of every epoch: the mean over its presentations, each taken before its own
        update, plus the penalties at the epoch's start. For "lbfgs" the objective after each
        iteration.
    validation_loss_curve_ : list of float or None
        The loss on held-out rows after every epoch, without penalties.
    validation_scores_ : list of float or None
        Their score after every epoch, where `scoring` is given.
    best_validation_score_ : float or None
        The largest of these.
    history_ : dict of lists
        A row per epoch: "epoch", "loss", "learning_rate", "seconds", "validation_loss",
        "validation_score", NaN where there is none, and "sum_squared_error" where the loss is
        squared error: the sum of ``(target - output) ** 2`` over the epoch, the textbook's
        error.
    feature_importances_ : ndarray of shape (`n_features_in_`,)
        The share of each input in the products of the connection weights along all paths to
        the outputs, regardless of sign; see `skbackprop.inspection.olden_importance`.
    alpha_ : float
        The strength of the L2 penalty that the last call trained with, which is `alpha`
        unless that is "auto".
    engine_ : {"compiled", "numpy"}
        Which implementation of the training loop was used.

    See Also
    --------
    BackpropRegressor : The same network for continuous targets.
    skbackprop.presets : Ready-made settings, among them the textbook's.

    References
    ----------
    .. [1] Rumelhart, D. E., Hinton, G. E. and Williams, R. J. (1986). Learning
       representations by back-propagating errors. Nature 323, 533-536.
    .. [2] Kingma, D. P. and Ba, J. (2015). Adam: a method for stochastic optimization.
       ICLR.
    .. [3] Sutskever, I., Martens, J., Dahl, G. and Hinton, G. (2013). On the importance of
       initialization and momentum in deep learning. ICML.
    .. [4] Clevert, D.-A., Unterthiner, T. and Hochreiter, S. (2016). Fast and accurate deep
       network learning by exponential linear units. ICLR.
    .. [5] Klambauer, G. et al. (2017). Self-normalizing neural networks. NIPS.
    .. [6] Elfwing, S., Uchibe, E. and Doya, K. (2018). Sigmoid-weighted linear units for
       neural network function approximation in reinforcement learning. Neural Networks
       107, 3-11.
    .. [7] Hendrycks, D. and Gimpel, K. (2016). Gaussian error linear units. arXiv
       1606.08415.
    .. [8] Misra, D. (2020). Mish: a self regularized non-monotonic activation function.
       BMVC.
    .. [9] Tieleman, T. and Hinton, G. (2012). Lecture 6.5: RMSProp. Coursera, Neural
       Networks for Machine Learning.
    .. [10] Igel, C. and Huesken, M. (2003). Empirical evaluation of the improved Rprop
       learning algorithms. Neurocomputing 50, 105-123.
    .. [11] Liu, D. C. and Nocedal, J. (1989). On the limited memory BFGS method for large
       scale optimization. Mathematical Programming 45, 503-528.
    .. [12] Hagan, M. T. and Menhaj, M. B. (1994). Training feedforward networks with the
       Marquardt algorithm. IEEE Transactions on Neural Networks 5, 989-993.
    .. [13] Loshchilov, I. and Hutter, F. (2017). SGDR: stochastic gradient descent with warm
       restarts. ICLR.
    .. [14] Loshchilov, I. and Hutter, F. (2019). Decoupled weight decay regularization.
       ICLR.
    .. [15] Srivastava, N. et al. (2014). Dropout: a simple way to prevent neural networks
       from overfitting. JMLR 15, 1929-1958.
    .. [16] Pascanu, R., Mikolov, T. and Bengio, Y. (2013). On the difficulty of training
       recurrent neural networks. ICML.
    .. [17] Srebro, N. and Shraibman, A. (2005). Rank, trace-norm and max-norm. COLT.
    .. [18] Glorot, X. and Bengio, Y. (2010). Understanding the difficulty of training deep
       feedforward neural networks. AISTATS.
    .. [19] He, K., Zhang, X., Ren, S. and Sun, J. (2015). Delving deep into rectifiers.
       ICCV.
    .. [20] LeCun, Y., Bottou, L., Orr, G. B. and Mueller, K.-R. (1998). Efficient backprop.
       In: Neural Networks: Tricks of the Trade. Springer.
    .. [21] Nguyen, D. and Widrow, B. (1990). Improving the learning speed of 2-layer neural
       networks by choosing initial values of the adaptive weights. IJCNN.
    .. [22] Reddi, S. J., Kale, S. and Kumar, S. (2018). On the convergence of Adam and beyond.
       ICLR.

    Examples
    --------
    >>> from skbackprop import BackpropClassifier
    >>> from skbackprop.datasets import load_wheat_seeds
    >>> X, y = load_wheat_seeds(return_X_y=True)
    >>> clf = BackpropClassifier(random_state=0).fit(X, y)
    >>> clf.predict(X[:3])
    array([1, 1, 1])
    >>> clf.score(X, y) > 0.95
    True
    """

    _parameter_rules = CLASSIFIER_RULES
    _target_attributes = ("_labels",)

    def __init__(
        self,
        hidden_layer_sizes: Sizes = (64, 64),
        *,
        activation: Activations = "relu",
        output_activation: str = "auto",
        loss: str | Loss = "auto",
        solver: Solver = "sgd",
        alpha: float | Auto = "auto",
        batch_size: BatchSize = "auto",
        learning_rate: Schedule = "auto",
        learning_rate_init: float | Auto = "auto",
        power_t: float = 0.5,
        max_iter: int | Auto = "auto",
        shuffle: bool = True,
        random_state: Seed = None,
        tol: float | Auto | None = "auto",
        verbose: int = 0,
        warm_start: bool = False,
        momentum: float = 0.0,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        weight_decay: float = 0.0,
        l1: float = 0.0,
        dropout: float | Sequence[float] = 0.0,
        clip_norm: float | None = 5.0,
        max_norm: float | None = None,
        weight_init: WeightInit = "auto",
        standardize: bool = True,
        scoring: Scoring = None,
        restore_best: bool = True,
        max_restarts: int = 3,
        class_weight: ClassWeight = None,
        grow_classes: bool = False,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.output_activation = output_activation
        self.loss = loss
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.weight_decay = weight_decay
        self.l1 = l1
        self.dropout = dropout
        self.clip_norm = clip_norm
        self.max_norm = max_norm
        self.weight_init = weight_init
        self.standardize = standardize
        self.scoring = scoring
        self.restore_best = restore_best
        self.max_restarts = max_restarts
        self.class_weight = class_weight
        self.grow_classes = grow_classes

    # Defined here, and not inherited, so that Python's errors on missing arguments name this
    # class.
    def fit(
        self,
        X: Rows,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        X_val: Rows | None = None,
        y_val: ArrayLike | None = None,
        sample_weight_val: ArrayLike | None = None,
    ) -> Self:
        with training_lock(self):
            return super().fit(X, y, sample_weight, X_val, y_val, sample_weight_val)

    def get_activations(self, X: Rows, layer: int = -1) -> Array:
        return super().get_activations(X, layer)

    fit.__doc__ = BaseBackprop.fit.__doc__
    get_activations.__doc__ = BaseBackprop.get_activations.__doc__

    @available_with_partial_fit
    def partial_fit(
        self,
        X: Rows,
        y: ArrayLike,
        classes: ArrayLike | Sequence[ArrayLike] | None = None,
        sample_weight: ArrayLike | None = None,
        X_val: Rows | None = None,
        y_val: ArrayLike | None = None,
        sample_weight_val: ArrayLike | None = None,
    ) -> Self:
        """Train for one epoch on some rows, from where the last call ended.

        Not available for the solvers "lbfgs" and "lm", which need all rows at once.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The class labels, a 0/1 column per label, or several columns of classes.
        classes : array-like of shape (n_classes,), or a list of these, default=None
            All labels that will ever come, for several columns of classes a list of them.
            Needed in the first call, unless `y` is multilabel or `grow_classes` is set;
            later it may be left out.
        sample_weight : array-like of shape (n_samples,), default=None
            How often each row is used in this call, on average; None is once. A fraction is
            the probability of one more use, drawn from the estimator's own generator: a row
            of weight 0.001 is used in one of a thousand calls. Rows of weight zero are not
            used, and where no row is used the call changes nothing, also if it is the first.
            Weights that add up to more than ten times the number of rows and to more than
            10,000 are reduced to that sum.
        X_val, y_val, sample_weight_val : default=None
            Rows that watch training, as in `fit`. With ``early_stopping=True`` they are
            needed: once they see no improvement for more than `n_iter_no_change` calls,
            `converged_` is true and further calls train no more.

        Returns
        -------
        self : object
            The trained estimator.

        Raises
        ------
        ValueError
            If `classes` is missing or differs from the first call's, if `y` holds a label
            that is not among them, or as in `fit`.
        """
        validation = (X_val, y_val, sample_weight_val)
        is_alone = X_val is y_val is sample_weight_val is None
        with training_lock(self):
            if is_alone and learn_row(self, X, y, classes, sample_weight):
                return self
            refuse_mixture(y, "y")
            first = not hasattr(self, "_params")
            if first and classes is None and not self.grow_classes and kind_of(y) != MULTILABEL:
                raise ValueError("classes must be given in the first call of partial_fit.")
            return self._fit(X, y, sample_weight, validation, is_stream=True, classes=classes)

    def predict(self, X: Rows) -> Array:
        """The most probable class of each row, or its labels.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Class labels, the first of those with the largest output; a column of them for
            each column of the targets, and a 0/1 column per label for multilabel targets.
        """
        if "_labels" not in vars(self):  # asking scikit-learn takes longer than predicting
            check_is_fitted(self)
        labels, output_activation = self._labels, self._network.output_activation
        if labels.share_one_output(self._network.layer_sizes[-1]):
            return labels.decode([(self._raw_output(X)[:, 0] > 0).astype(int)])
        if labels.kind == MULTILABEL:
            raw = self._raw_output(X)
            if output_activation == "logistic":  # the sign is exact, also near one half
                return (raw > 0).astype(int)
            return (self._network.loss_row.output(raw) > 0.5).astype(int)
        if output_activation in ("softmax", "logistic"):
            # Tiny outputs may round to the same, their shares are told apart.
            blocks = self.predict_proba(X)
            blocks = blocks if self._labels.kind == MULTIOUTPUT else [blocks]
        else:
            blocks = self._labels.split(self._network.loss_row.output(self._raw_output(X)))
        return self._labels.decode([block.argmax(axis=1) for block in blocks])

    def predict_proba(self, X: Rows) -> Array | Any:
        """The probability of each class, or of each label.

        With squared error the outputs of the network, scaled to sum to one in each row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.

        Returns
        -------
        p : ndarray of shape (n_samples, n_classes) or (n_samples, n_labels)
            In the order of `classes_`; for several columns of classes a list of these, as
            scikit-learn's trees spell it.
        """
        short = predictor_for(self, X)
        if short is not None and self._labels.kind == SINGLE:
            predictor, rows = short
            p = predictor.probabilities(rows, len(self.classes_))
            if p is not None:
                return p
        raw = self._raw_output(X)
        return probabilities(self._network, self._labels, raw)

    def predict_log_proba(self, X: Rows) -> Array | Any:
        """The logarithm of the probabilities, finite for any finite input.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.

        Returns
        -------
        log_p : ndarray of shape (n_samples, n_classes) or (n_samples, n_labels)
            In the order of `classes_`; for several columns of classes a list of these.
        """
        raw = self._raw_output(X)
        return log_probabilities(self._network, self._labels, raw)

    def decision_function(self, X: Rows) -> Array | Any:
        """How far each row lies on the side of each class.

        These are the weighted sums of the output layer, before its activation.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.

        Returns
        -------
        scores : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            For two classes one number a row, positive for the second class; where each of
            them has its own output, it is the logarithm of the odds. For several columns
            of classes a list of arrays of shape (n_samples, n_classes).
        """
        check_is_fitted(self)
        if self._labels.kind == MULTIOUTPUT:
            return self._labels.split(self._raw_output(X))
        if self._labels.kind == MULTILABEL or len(self.classes_) != 2:
            return self._raw_output(X)
        if self._network.layer_sizes[-1] == 1:
            return self._raw_output(X)[:, 0]
        log_p = self.predict_log_proba(X)
        return log_p[:, 1] - log_p[:, 0]

    def score(self, X: Rows, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """The share of rows that are predicted wholly right.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The true labels.
        sample_weight : array-like of shape (n_samples,), default=None
            How much each row counts.

        Returns
        -------
        accuracy : float
            For several labels or columns of classes, all of a row's must be right.
        """
        check_is_fitted(self)
        y = dense_targets(y)
        if self._labels.kind != MULTIOUTPUT:
            return super().score(X, y, sample_weight=sample_weight)
        right = (np.asarray(y) == self.predict(X)).all(axis=1)
        return float(accuracy_score(np.ones_like(right), right, sample_weight=sample_weight))

    # ---- Raw outputs ----

    def _raw_output(self, X):
        """The weighted sums of the output layer; where they overflow, those of a nearer row.

        It lies in the same direction, and as far out as the network can count.
        """
        raw = self._quick_raw_output(X)
        if raw is not None:
            return raw
        X = self._validate_rows(X)
        raw = self._raw_output_of(X)
        for row in np.flatnonzero(~np.isfinite(raw).all(axis=1)):
            raw[row] = self._raw_output_nearer(X[[row]])
        return raw

    def _raw_output_nearer(self, X):
        X, dtype = X.astype(np.float64), self._params.dtype
        while True:
            with np.errstate(over="ignore"):
                raw = self._forward(X, np.float64)[0][0].astype(dtype)
            if np.isfinite(raw).all():
                return raw
            if not abs(X).max():  # a network whose outputs overflow for any input
                return np.nan_to_num(raw)
            X = X * 2.0**-16

    # ---- Labels and targets ----

    @property
    def classes_(self) -> Array | Any:
        """The class labels, or a list of those of each column of the targets."""
        return self._fitted("_labels").classes

    def _fit_targets(self, y, resume, is_stream, classes=None):
        if not resume:
            self._labels = ClassEncoder.learn(y, classes)
            vars(self).pop("_class_totals", None)  # of an earlier fit
            return self._labels.kind
        if classes is not None:
            self._refuse_other_classes(classes)
        elif self._labels.kind == SINGLE and kind_of(y) == SINGLE:
            if not is_stream:
                self._refuse_fewer_or_more_classes(y)
            elif self.grow_classes:
                self._grow(y)

    def _encode(self, y, kind=None):
        """Class numbers, or a column of 0 and 1 per label."""
        return self._labels.encode(y, kind)

    def _refuse_fewer_or_more_classes(self, y):
        found = np.unique(y)
        if not np.array_equal(found, self.classes_):
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the "
                f"previous call to fit. Previously got {self.classes_}, `y` has {found}"
            )

    def _grow(self, y):
        """Give classes that are new in `y` outputs of their own."""
        before, network = self._labels, self._network
        grown_labels = before.with_new(y)
        if len(grown_labels.classes) == len(before.classes):
            return
        self._labels = grown_labels
        n_outputs, loss, output, _ = self._output_layer()
        grown = replace(
            network,
            layer_sizes=(*network.layer_sizes[:-1], n_outputs),
            loss=loss,
            output_activation=output,
        )
        train_state = self._train_state.copy()
        drawn = _initial_weights.draw_layer(self, grown, len(grown.shapes) - 1, train_state.rng)
        origins = self._labels.numbers_in(before)
        if before.share_one_output(network.layer_sizes[-1]):
            # The one output is the second class's, and the first's is zero.
            drawn[:, origins.index(0)] = 0
            origins = [0 if origin == 1 else None for origin in origins]
        elif n_outputs == 1:
            # Nothing was learned of a class alone: one output stands for it and the new one.
            origins = [None]
        train_state.grow(network, grown, origins, drawn)
        self._network, self._train_state, self._params = grown, train_state, train_state.best

    def _refuse_other_classes(self, classes):
        given = ClassEncoder(
            self._labels.kind,
            [distinct(column) for column in classes]
            if self._labels.kind == MULTIOUTPUT
            else distinct(classes),
        )
        same = len(given.per_column) == len(self._labels.per_column) and all(
            map(np.array_equal, given.per_column, self._labels.per_column)
        )
        if not same:
            raise ValueError(
                f"classes={_as_lists(given)} differ from those of the earlier call, "
                f"{_as_lists(self._labels)}."
            )

    def _output_layer(self):
        loss = "log_loss" if self.loss == "auto" else loss_name(self.loss)
        sizes, kind = self._labels.blocks, self._labels.kind
        softmaxes = loss == "log_loss" and kind != MULTILABEL
        if softmaxes and sizes == (2,):
            return 1, loss, self._output_activation(loss, "logistic"), ()
        called_for = "softmax" if softmaxes else "logistic"
        output = self._output_activation(loss, called_for)
        return sum(sizes), loss, output, sizes if softmaxes and len(sizes) > 1 else ()

    def _targets(self, Y, network, dtype):
        if self._labels.kind == MULTILABEL:
            return Y.astype(dtype)
        if self._labels.kind == MULTIOUTPUT:
            return self._labels.one_hot(Y, dtype)
        # Class numbers stand for a column per class; a single column spells them out.
        if self._labels.share_one_output(network.layer_sizes[-1]):
            return Y.reshape(-1, 1).astype(dtype)
        # A loss that a user wrote is handed columns.
        is_built_in = isinstance(network.loss, str)
        return Y if is_built_in else self._labels.one_hot(Y[:, None], dtype)

    def _prepare_single_rows(self, problem, classes=None):
        if self.class_weight is not None:
            return
        if self._labels.kind == SINGLE:
            numbers = {label: number for number, label in enumerate(self.classes_.tolist())}
            by_class = not self._labels.share_one_output(problem.config.network.layer_sizes[-1])
            prepare_stream(self, problem, read_label(numbers), by_class, classes)
        elif self._labels.kind == MULTILABEL:
            read = read_indicators(len(self.classes_), self._params.dtype)
            prepare_stream(self, problem, read, False, classes)

    def _strata(self, Y, counts):
        """Held-out rows have their share of each class."""
        if self._labels.kind != SINGLE:
            return super()._strata(Y, counts)
        n_members = np.bincount(Y, counts, minlength=len(self.classes_))
        too_few = (n_members > 0) & (n_members < 2)
        if too_few.any():
            raise ValueError(
                "The least populated classes in y have only 1 member, which is too few: "
                "early_stopping needs one to train on and one to hold out. Classes with too "
                f"few members are: {self.classes_[too_few].tolist()}"
            )
        return Y

    def _apply_class_weight(self, rows, y, weights, is_stream):
        if self.class_weight is None or not len(rows):
            return rows, weights
        self._check_names_in_class_weight()
        labels = y[rows]
        before = None if weights is None else weights[rows]
        seen = getattr(self, "_class_totals", None) if is_stream else None
        totals = accumulate_totals(seen, before, labels)
        self._class_totals = [list(column.items()) for column in totals]
        weighed = np.zeros(len(y))
        if is_stream:
            weighed[rows] = weigh_stream(before, self.class_weight, labels, totals)
        else:
            weighed[rows] = weigh_classes(before, self.class_weight, labels)
        return rows[weighed[rows] > 0], weighed

    def _check_names_in_class_weight(self):
        """A class that does not occur may have a weight; what cannot be a class may not."""
        given = self.class_weight
        if isinstance(given, str) or self._labels.kind == MULTILABEL:
            return
        listed = given if isinstance(given, (list, tuple)) else [given]
        for weights, classes in zip(listed, self._labels.per_column, strict=False):
            known = set(classes.tolist())
            strange = [
                name
                for name in weights
                if name not in known and type_of_label(name) != type_of_labels(classes)
            ]
            if strange:
                raise ValueError(
                    f"The 'class_weight' parameter names {strange}, and the classes are "
                    f"{type_of_labels(classes)}: {classes.tolist()}."
                )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        tags.target_tags.multi_output = True
        return tags


def _as_lists(labels):
    lists = [column.tolist() for column in labels.per_column]
    return lists if labels.kind == MULTIOUTPUT else lists[0]
