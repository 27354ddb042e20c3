"""Measure speed against the peers: ``python -m benchmarks [--quick] [--markdown FILE]``.

Apart stand those that need more than time: `accuracy` (an hour), `cluster` and `endurance`
(processes and memory), `export` and `arm` (compilers, emlearn, an emulator).
"""

from . import case_study, inference, many_rows, minibatch, online, scaling, solvers, streaming
from ._measure import run

ALL = (case_study, online, streaming, inference, minibatch, many_rows, scaling, solvers)


def benchmark(report):
    for module in ALL:
        module.benchmark(report)


if __name__ == "__main__":
    run(benchmark, __doc__)
