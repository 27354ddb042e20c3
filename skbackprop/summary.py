"""What a fitted estimator says about itself in a notebook."""

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
        f"loss {loss:.4g} ({escape(network.loss_row.name)})",
        f"{escape(estimator.engine_)} engine",
    )
    return f'<p class="skbackprop-learned">Learned: {"; ".join(facts)}.</p>'
