"""BackpropRegressor: continuous targets, and their units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from numbers import Real
from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.metrics import d2_pinball_score
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted

from ._base import BaseBackprop, available_with_partial_fit
from ._input_validation import dense_targets
from ._parameters import REGRESSOR_RULES
from ._scaling import fit_target_scaler
from ._single_row import learn_row, prepare_stream, read_columns, read_number
from ._training_lock import training_lock
from .engine.losses import ROBUST_LOSSES, loss_name

if TYPE_CHECKING:
    from numpy.typing import ArrayLike
    from typing_extensions import Self

    from ._typing import (
        Activations,
        Array,
        Auto,
        BatchSize,
        Rows,
        Schedule,
        Scoring,
        Seed,
        Sizes,
        Solver,
        WeightInit,
    )
    from .engine.losses import Loss


class BackpropRegressor(RegressorMixin, BaseBackprop):
    """Regressor: a feed-forward network trained by backpropagation [1]_.

    One or several targets; dense and sparse input; online, mini-batch and batch learning.

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
        identity, a linear output, but "exp" with "poisson". With the losses of a residual,
        any of the names of `activation`, and "exp".
    loss : {"auto", "squared_error", "absolute_error", "huber", "quantile", "poisson"} or \
            Loss, default="auto"
        What training makes small, summed over the targets:

        - "squared_error" (or "auto"): half the squared residual;
        - "absolute_error": its size, which makes for medians;
        - "huber": half the squared residual up to a size of 1, in the units of standardized
          targets where they are, and linear beyond [23]_;
        - "quantile": for the `quantile` q, ``q`` times the residual where the prediction is
          too low, and ``1 - q`` times where it is too high [24]_; "pinball" is accepted as
          an alias;
        - "poisson": half the Poisson deviance, for counts and rates; predictions are
          exponentials, and `y` must hold no negative number;
        - an object of class `skbackprop.Loss`, one's own loss.
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
        as `X_val` and `y_val`, or else a share of the training rows.
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
        Whether to standardize the inputs inside and, before a linear output, the targets
        (before "exp" to divide them by their mean), by the training data of `fit` and its
        weights. With the losses "absolute_error", "huber" and "quantile" targets are scaled by
        the median and the quartiles of at most 500 of them, so that outliers do not matter.
        Dense columns in which a few values lie further from the others than ten times the
        range of these, such as -999 for missing cells, are clipped to the range of the others
        first (see `input_limits_`). Columns that are constant have no influence. Sparse inputs
        are scaled, and neither centered nor clipped. The statistics are folded into `coefs_`
        and `intercepts_`, which describe an ordinary network on raw inputs. `partial_fit` uses
        the statistics of an earlier `fit`, and none without one.
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
    quantile : float in (0, 1), or sequence of these, default=0.5
        What "quantile" predicts; several quantiles come from one network, sorted so that they
        never cross. Ignored by other losses.

    Attributes
    ----------
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
        The loss of the last epoch, in the standardized units of the targets where they are.
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
    BackpropClassifier : The same network for class labels.
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
    .. [23] Huber, P. J. (1964). Robust estimation of a location parameter. Annals of
       Mathematical Statistics 35, 73-101.
    .. [24] Koenker, R. and Bassett, G. (1978). Regression quantiles. Econometrica 46,
       33-50.

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop import BackpropRegressor
    >>> X = np.linspace(-3, 3, 200).reshape(-1, 1)
    >>> y = 10 * np.sin(X[:, 0])
    >>> BackpropRegressor(random_state=0).fit(X, y).score(X, y) > 0.95
    True
    """

    _parameter_rules = REGRESSOR_RULES
    _target_attributes = ("_flat", "_n_targets")

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
        quantile: float | Sequence[float] = 0.5,
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
        self.quantile = quantile

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
            The targets.
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
            As in `fit`.
        """
        validation = (X_val, y_val, sample_weight_val)
        is_alone = X_val is y_val is sample_weight_val is None
        with training_lock(self):
            if is_alone and learn_row(self, X, y, None, sample_weight):
                return self
            return self._fit(X, y, sample_weight, validation, is_stream=True)

    def predict(self, X: Rows) -> Array:
        """The targets of each row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.

        Returns
        -------
        y : ndarray of shape (n_samples,), (n_samples, n_outputs) or \
                (n_samples, [n_outputs,] n_quantiles)
            In the units of the training targets. Several quantiles come last, in the order
            of `quantile`, and never cross.

        Raises
        ------
        ValueError
            If a prediction is too large for the dtype of the network, which is float32 if it
            was fitted to float32 and float64 otherwise.
        """
        raw = self._quick_raw_output(X)
        outputs = self._long_predict(X) if raw is None else self._from_raw(raw)
        quantiles = self._predicted_quantiles()
        if len(quantiles) > 1:
            outputs = outputs.reshape(-1, self._n_targets, len(quantiles))
            ranks = np.argsort(np.argsort(quantiles))
            outputs = np.sort(outputs, axis=2)[:, :, ranks]
        return outputs[:, 0] if self._flat else outputs

    def _from_raw(self, raw):
        """Predictions of every output, from the weighted sums of the output layer."""
        return self._in_units_of_targets(self._network.loss_row.output(raw))

    def _long_predict(self, X):
        """The same for rows that have to be validated, or predictions that may overflow."""
        X = self._validate_rows(X)
        with np.errstate(over="ignore", invalid="ignore"):
            outputs = self._from_raw(self._raw_output_of(X))
        return self._with_finite_rows(outputs, X, lambda raw, _: self._from_raw(raw))

    def score(self, X: Rows, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """The coefficient of determination R2, or D2 where several quantiles are predicted.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The true targets.
        sample_weight : array-like of shape (n_samples,), default=None
            How much each row counts.

        Returns
        -------
        score : float
            At most 1. For several quantiles the mean of their D2 pinball scores, which
            compare with predicting the quantile of `y` for every row.
        """
        check_is_fitted(self)
        y = dense_targets(y)
        quantiles = self._predicted_quantiles()
        if len(quantiles) < 2:
            return super().score(X, y, sample_weight=sample_weight)
        predicted = self.predict(X)
        scores = [
            d2_pinball_score(y, predicted[..., k], alpha=quantile, sample_weight=sample_weight)
            for k, quantile in enumerate(quantiles)
        ]
        return float(np.mean(scores))

    # ---- Targets ----

    def _fit_targets(self, y, resume, is_stream):
        if not resume:
            self._flat, self._n_targets = y.ndim == 1, 1 if y.ndim == 1 else y.shape[1]

    def _encode(self, y, kind=None):
        """A column per target."""
        y = check_array(y, ensure_2d=False, dtype=np.float64, input_name="y")
        if self.loss == "poisson" and (y < 0).any():
            raise ValueError(f"y must hold numbers >= 0 with loss='poisson'. Got {y.min():g}.")
        y = y.reshape(len(y), -1)
        if y.shape[1] != self._n_targets:
            raise ValueError(
                f"Training cannot be resumed: y has {y.shape[1]} targets, the fitted network "
                f"{self._n_targets}."
            )
        return y

    def _fit_scaling(self, network, rows, params):
        """Also of the targets, where the output can be scaled; constants are met at once."""
        scaling = super()._fit_scaling(network, rows, params)
        output = network.loss_row.output_activation
        if output not in ("identity", "exp"):
            return scaling
        kind = "quartiles" if network.loss in ROBUST_LOSSES else "moments"
        targets, is_constant = fit_target_scaler(rows, "size" if output == "exp" else kind)
        for layer in network.weights(params)[-1], network.biases(params)[-1]:
            layer[..., is_constant] = 0
        return replace(scaling, targets=targets, through_exp=output == "exp")

    def _prepare_single_rows(self, problem, classes=None):
        network, dtype = problem.config.network, self._params.dtype
        if network.layer_sizes[-1] == self._n_targets:  # and not several quantiles of each
            several = self._n_targets > 1
            read = read_columns(network, dtype) if several else read_number(network)
            prepare_stream(self, problem, read, False, classes)

    def _quantiles(self):
        """The quantiles that are asked for."""
        given = (self.quantile,) if isinstance(self.quantile, Real) else self.quantile
        quantiles = tuple(float(quantile) for quantile in given)
        if not quantiles:
            raise ValueError("The 'quantile' parameter must hold a number. Got none.")
        return quantiles

    def _predicted_quantiles(self):
        """The quantiles that the fitted network predicts; none with other losses."""
        if self._network.loss != "quantile":
            return ()
        options = self._network.loss_options
        return options[: len(options) // self._n_targets]

    def _output_layer(self):
        loss = "squared_error" if self.loss == "auto" else loss_name(self.loss)
        output = self._output_activation(loss, "exp" if loss == "poisson" else "identity")
        options = self._quantiles() * self._n_targets if loss == "quantile" else ()
        return len(options) or self._n_targets, loss, output, options

    def _targets(self, Y, network, dtype):
        largest = np.abs(Y).max()
        if largest > np.finfo(dtype).max:
            raise ValueError(
                f"y and y_val must hold numbers in the range of {np.dtype(dtype)}, the dtype "
                f"of the network. Got {largest:g}: divide y by a constant, or fit to float64."
            )
        # Each target once for every quantile.
        copies = network.layer_sizes[-1] // Y.shape[1]
        return np.repeat(Y, copies, axis=1).astype(dtype, copy=False)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
