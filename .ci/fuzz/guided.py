"""Forge files for `persistence.load`, led by which lines of the package each one reaches.

    python -m pip install atheris
    python .ci/fuzz/guided.py --seconds 600 --seed 0

libFuzzer keeps the files that reach something new and goes on from these. Each of them is
changed as `forge.py` does, with a right checksum. What is not refused with a ValueError that
names what is wrong, and what takes too much time or memory, ends the run: libFuzzer prints how,
and leaves the file as `crash-...`, `timeout-...` or `oom-...` in the present folder.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["skbackprop"]):
    from skbackprop.persistence import load

import forge
import numpy as np


class Target:
    """What libFuzzer calls."""

    def __init__(self, folder):
        self.folder = Path(folder)
        corpus = self.folder / "corpus"
        corpus.mkdir()
        self.headers = []
        for name, estimator in forge.seeds():
            content = forge.file_of(estimator, folder)
            (corpus / name).write_bytes(content)
            self.headers.append(forge.parts_of(content)[0])

    def change(self, content, most, seed):
        """A forged file from one that was kept."""
        rng = np.random.default_rng(seed)
        try:
            return forge.forge_file(rng, content, self.headers)[:most]
        except (ValueError, LookupError, TypeError, AttributeError):  # its JSON is broken
            body = bytearray(content[: -forge.DIGEST])
            body[rng.integers(len(body))] = rng.integers(256)
            return forge.sign(bytes(body))

    def __call__(self, content):
        path = self.folder / "forged"
        path.write_bytes(content)
        try:
            estimator = load(path)
        except ValueError as error:
            assert "is not what the format says" not in str(error)
            return
        X = np.zeros((2, estimator.n_features_in_))
        with np.errstate(all="ignore"):
            estimator.predict(X)


def main():
    """Hand over to libFuzzer."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        target = Target(folder)
        options = [
            sys.argv[0], str(Path(folder) / "corpus"), f"-max_total_time={arguments.seconds}",
            f"-seed={arguments.seed + 1}", "-max_len=100000", "-len_control=0", "-timeout=20",
            "-rss_limit_mb=2000", "-malloc_limit_mb=500", "-print_final_stats=1",
        ]  # fmt: skip
        atheris.Setup(options, target, custom_mutator=target.change)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
