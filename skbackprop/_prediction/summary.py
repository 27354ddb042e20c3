"""What a fitted estimator says about itself: in a notebook, and layer by layer."""

from html import escape


def learned_html(estimator):
    """A paragraph: the layers, the number of weights, how long and how well it trained."""
    network = estimator._network
    sizes = " - ".join(f"{size:,}" for size in network.layer_sizes)
    functions = ", ".join([*(row.name for row in network.hidden), network.output_activation])
    n_epochs, loss = len(estimator.loss_curve_), estimator.loss_
    facts = (
        f"<b>{sizes}</b> neurons ({escape(functions)})",
        f"{network.n_params:,} weights and biases",
        f"{n_epochs:,} {'epoch' if n_epochs == 1 else 'epochs'}",
        f"loss {loss:.4g} ({escape(network.loss_function.name)})",
        f"{escape(estimator.engine_)} engine",
    )
    return f'<p class="skbackprop-learned">Learned: {"; ".join(facts)}.</p>'


class Summary(str):
    """Text that a prompt shows as it is, with its lines."""

    __slots__ = ()

    def __repr__(self):
        return str(self)


def layer_summary(estimator):
    """Return a table with a line per layer: activation, inputs and outputs, parameters."""
    network = estimator._network
    sizes = network.layer_sizes
    activations = [
        *(activation.name for activation in network.hidden),
        network.output_activation,
    ]
    lines = [["layer", "activation", "shape", "parameters"]]
    for i, (activation, n_in, n_out) in enumerate(
        zip(activations, sizes[:-1], sizes[1:], strict=True)
    ):
        name = "output" if i == len(activations) - 1 else f"hidden {i + 1}"
        lines.append([name, activation, f"{n_in:,} -> {n_out:,}", f"{(n_in + 1) * n_out:,}"])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    table = [
        "  ".join(
            cell.ljust(width) if i < 2 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    ]
    n_epochs = len(estimator.loss_curve_)
    table.append(
        f"{network.n_params:,} parameters; {estimator.n_iter_:,} epochs, loss "
        f"{estimator.loss_:.4g} ({network.loss_function.name})"
        if n_epochs
        else f"{network.n_params:,} parameters; not trained yet"
    )
    return Summary("\n".join(table))
