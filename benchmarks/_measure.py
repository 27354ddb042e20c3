"""How everything here is measured: contenders take turns, and the medians are compared."""

import argparse
import math
import os
import statistics
import time
import warnings
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from threadpoolctl import threadpool_limits

from ._report import Report


class MissingPeer(Exception):
    """A peer is not installed; the message says what would bring it."""


@dataclass(frozen=True)
class Contender:
    """Something to be timed.

    Parameters
    ----------
    run : callable
        ``run(repeats)`` does the work that many times.
    units : float
        How much one repeat does: updates, rows, or 1.
    least : int
        The fewest repeats of a turn, so that what surrounds them does not count.
    """

    run: Callable
    units: float = 1
    least: int = 1


def repeated(work, units=1):
    """A contender whose repeats are calls of `work`."""

    def run(repeats):
        for _ in range(repeats):
            work()

    return Contender(run, units)


@dataclass(frozen=True)
class Effort:
    """How long to measure.

    Parameters
    ----------
    rounds : int
        How often every contender has its turn.
    turn : float
        Seconds that a turn lasts at least.
    share : float
        Of the rows and repeats that a full run has.
    shapes : int or None
        How many of a script's shapes to measure, the small ones first; None is all.
    clock : str
        The function of `time` that tells the seconds.
    """

    rounds: int
    turn: float
    share: float = 1.0
    shapes: int | None = None
    clock: str = "perf_counter"

    def of(self, full, least=1):
        """The part of a full run's number that this one takes."""
        return min(full, max(least, round(full * self.share)))

    def some(self, shapes):
        """The shapes that this one takes."""
        return list(shapes)[: self.shapes]


FULL = Effort(rounds=5, turn=0.2)
QUICK = Effort(rounds=3, turn=0.05, share=0.3)
SMOKE = Effort(rounds=1, turn=0.0, share=0.002, shapes=2)


@dataclass
class Times:
    """Seconds per unit of each contender, round by round, and who was not there."""

    rounds: dict[str, list[float]] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    def seconds(self, name):
        """The median, or None of a peer that is missing."""
        return None if name in self.missing else statistics.median(self.rounds[name])

    def ratio(self, name, other):
        """How many times as long `name` takes as `other`."""
        one, two = self.seconds(name), self.seconds(other)
        return None if one is None or two is None else one / two

    def spread(self):
        """The widest middle half of any contender's rounds, as a share of its median."""
        widths = [0.0]
        for seconds in self.rounds.values():
            if len(seconds) >= 3:
                low, _, high = statistics.quantiles(seconds, n=4, method="inclusive")
                widths.append((high - low) / statistics.median(seconds))
        return max(widths)


def take_turns(offers, effort):
    """Time contenders against each other; returns their `Times`.

    Parameters
    ----------
    offers : dict from str to callable
        Each makes a `Contender`, or raises `MissingPeer`.
    effort : Effort
    """
    times, contenders = Times(), {}
    for name, offer in offers.items():
        try:
            contenders[name] = offer()
        except MissingPeer as reason:
            times.missing[name] = str(reason)
    repeats = {name: _enough(one, effort) for name, one in contenders.items()}
    names = list(contenders)
    times.rounds = {name: [] for name in names}
    for number in range(effort.rounds):
        # Another one goes first each time, so that nobody always follows the same.
        first = number % max(1, len(names))
        for name in names[first:] + names[:first]:
            one = contenders[name]
            elapsed = _seconds(one, repeats[name], effort)
            times.rounds[name].append(elapsed / repeats[name] / one.units)
    return times


def _seconds(contender, repeats, effort):
    clock = getattr(time, effort.clock)
    began = clock()
    contender.run(repeats)
    return clock() - began


def _enough(contender, effort):
    """The repeats that fill a turn; finding them warms the contender up."""
    repeats = contender.least
    while (elapsed := _seconds(contender, repeats, effort)) < effort.turn:
        wanted = 1.1 * repeats * effort.turn / max(elapsed, 1e-9)
        repeats = math.ceil(min(10 * repeats, max(1.5 * repeats, wanted)))
    return repeats


# ---- Running a script ----


def run(benchmark, description, arguments=None):
    """Run one benchmark, or several, as a script; `benchmark` takes a `Report`."""
    parser = argparse.ArgumentParser(description=description.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds and rows")
    parser.add_argument("--smoke", action="store_true", help="see that it runs; means nothing")
    parser.add_argument("--cpu-time", action="store_true", help="for a machine that is in use")
    parser.add_argument("--rounds", type=int, help="how often each contender has its turn")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables there")
    options = parser.parse_args(arguments)
    if options.rounds is not None and options.rounds < 1:
        parser.error(f"--rounds must be an integer >= 1. Got {options.rounds}.")
    effort = SMOKE if options.smoke else QUICK if options.quick else FULL
    if options.rounds:
        effort = replace(effort, rounds=options.rounds)
    if options.cpu_time:
        effort = replace(effort, clock="process_time")
    report = Report(effort)
    with _quiet(), threadpool_limits(int(os.environ["OMP_NUM_THREADS"])):
        report.machine()
        if options.smoke:
            report.say("A smoke run: it shows that everything runs, its numbers mean nothing.")
        benchmark(report)
        report.summary()
    if options.markdown:
        options.markdown.write_text(report.markdown(), encoding="utf-8")


@contextmanager
def _quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of training that is cut short on purpose
        yield
