"""PyTorch as one would use it, and skorch, which puts it behind scikit-learn's names."""

from itertools import pairwise

from .._measure import Contender, MissingPeer, repeated


def _torch():
    try:
        import torch
    except ImportError:
        raise MissingPeer("torch (pip install skbackprop[benchmark])") from None
    return torch


def _module(torch, problem, activation):
    layers = []
    for n_in, n_out in pairwise(problem.sizes):
        layers += [torch.nn.Linear(n_in, n_out), activation()]
    dtype = getattr(torch, str(problem.dtype))
    return torch.nn.Sequential(*layers[:-1]).to(dtype)


class _Trainer:
    """The usual loop: forward, loss, backward, step."""

    def __init__(self, problem, activation, optimizer, **settings):
        self._torch = torch = _torch()
        self._module = _module(torch, problem, getattr(torch.nn, activation))
        self._loss = torch.nn.CrossEntropyLoss()
        self._optimizer = getattr(torch.optim, optimizer)(self._module.parameters(), **settings)
        self._X, self._y = torch.from_numpy(problem.X), torch.from_numpy(problem.y)

    def step(self, X, y):
        self._optimizer.zero_grad()
        self._loss(self._module(X), y).backward()
        self._optimizer.step()

    def shuffled(self, epochs, batch_size):
        for _ in range(epochs):
            for rows in self._torch.randperm(len(self._y)).split(batch_size):
                self.step(self._X[rows], self._y[rows])

    def in_order(self, epochs):
        for _ in range(epochs):
            for row in range(len(self._y)):
                self.step(self._X[row : row + 1], self._y[row : row + 1])


def online(problem, rate):
    return Contender(_Trainer(problem, "Sigmoid", "SGD", lr=rate).in_order, len(problem.y))


def one_row(problem, rate):
    """An update by one row that arrives from Python."""
    trainer = _Trainer(problem, "Sigmoid", "SGD", lr=rate)
    x, y, tensor = problem.X[:1], problem.y[:1], _torch().from_numpy
    return repeated(lambda: trainer.step(tensor(x), tensor(y)))


def minibatch(problem, batch_size):
    trainer = _Trainer(problem, "ReLU", "Adam", lr=0.001, fused=True)
    return Contender(lambda epochs: trainer.shuffled(epochs, batch_size), len(problem.y))


def skorch(problem, batch_size):
    torch = _torch()
    try:
        from skorch import NeuralNetClassifier
    except ImportError:
        raise MissingPeer("skorch (pip install skbackprop[benchmark])") from None
    net = NeuralNetClassifier(
        _module(torch, problem, torch.nn.ReLU),
        criterion=torch.nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        optimizer__fused=True,
        lr=0.001,
        batch_size=batch_size,
        iterator_train__shuffle=True,
        train_split=None,
        verbose=0,
    )
    return Contender(
        lambda epochs: net.set_params(max_epochs=epochs).fit(problem.X, problem.y),
        len(problem.y),
    )


def predict(problem, X):
    """Probabilities, from an array to an array."""
    torch = _torch()
    module = _module(torch, problem, torch.nn.Sigmoid).eval()

    def work():
        with torch.inference_mode():
            module(torch.from_numpy(X)).softmax(dim=1).numpy()

    return repeated(work)
