"""A bounded campaign of random cases, whose worst end is the end of a process.

A script defines ``case(rng)``, which returns what came of a case in a few words, or raises, and
calls `main`. Cases run in a process of their own: where one raises, crashes or hangs, the
campaign says how to run it again, and goes on behind it.
"""

import argparse
import collections
import subprocess
import sys
import threading
import time
import traceback

import numpy as np

# Longer than any case takes, under sanitizers and on a busy machine.
_SECONDS_PER_CASE = 300
_MOST_FAULTS = 20


def main(case):
    """Run a campaign of `case` as the command line says; ends the process."""
    parser = argparse.ArgumentParser(description=sys.modules["__main__"].__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="how long to go on")
    parser.add_argument("--seed", type=int, default=0, help="which campaign")
    parser.add_argument("--case", type=int, help="run this case alone, here")
    parser.add_argument("--from", type=int, dest="first", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.case is not None:
        print(case(np.random.default_rng([given.seed, given.case])))
    elif given.first is not None:
        _work(case, given)
    else:
        sys.exit(_watch(given))


def _work(case, given):
    """Run one case after another, and say of each that it begins and how it ends."""
    end, faults = time.monotonic() + given.seconds, 0
    for number in range(given.first, sys.maxsize):
        print("begin", number, flush=True)
        try:
            outcome = case(np.random.default_rng([given.seed, number]))
        except Exception:  # whatever it is, it is a fault
            traceback.print_exc()
            outcome = "FAULT"
        print("end", outcome, flush=True)
        faults += outcome == "FAULT"
        if time.monotonic() > end or faults == _MOST_FAULTS:
            return


def _watch(given):
    """Start workers until the time is over; returns whether there was a fault."""
    outcomes, faults, number = collections.Counter(), [], -1
    end = time.monotonic() + given.seconds
    while (left := end - time.monotonic()) > 0 and len(faults) < _MOST_FAULTS:
        command = [sys.executable, sys.argv[0], f"--seed={given.seed}", f"--seconds={left}"]
        command.append(f"--from={number + 1}")
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as worker:
            running = False
            timer = threading.Timer(_SECONDS_PER_CASE, worker.kill)
            timer.start()
            for line in worker.stdout:
                word, _, rest = line.rstrip("\n").partition(" ")
                if word == "begin":
                    number, running = int(rest), True
                    timer.cancel()
                    timer = threading.Timer(_SECONDS_PER_CASE, worker.kill)
                    timer.start()
                elif word == "end":
                    running = False
                    outcomes[rest] += 1
                    if rest == "FAULT":
                        faults.append((number, "an exception"))
            timer.cancel()
        if running:
            outcomes["FAULT"] += 1
            faults.append((number, f"exit status {worker.returncode}"))
        elif worker.returncode:
            faults.append((number + 1, f"no case, and exit status {worker.returncode}"))
    print(f"{outcomes.total():,} cases, seed {given.seed}")
    for outcome, count in outcomes.most_common():
        print(f"{count:8,} {outcome}")
    for number, how in faults:
        print(f"{how}: {sys.executable} {sys.argv[0]} --seed={given.seed} --case={number}")
    return bool(faults)
