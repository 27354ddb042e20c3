"""The command line: its options, its exit codes, and which part runs."""

import argparse
import os
import sys

from . import case_study, fit_table, predict_table

_INTERRUPTED = 130  # 128 and the number of SIGINT, as shells have it
_CLOSED_PIPE = 141  # 128 and the number of SIGPIPE


def main(arguments=None):
    """Run the command and return its exit code.

    Parameters
    ----------
    arguments : list of str, default=None
        The arguments; None takes those of the process.

    Returns
    -------
    code : int
        0; 2 if the input cannot be used, 130 after Ctrl-C, and 141 if the reader of the
        output went away.
    """
    from ..tables._errors import TableError

    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")  # names that the terminal's encoding lacks
    parser = make_parser()
    options = parser.parse_args(arguments)
    try:
        code = options.run(options, parser)
        sys.stdout.flush()
        return code
    except (TableError, ImportError) as error:
        print(f"skbackprop: error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        # What is still in the buffer goes nowhere, so that the end of Python is silent as well.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _CLOSED_PIPE


def make_parser():
    """Return the parser of the command line."""
    from .. import __version__

    parser = argparse.ArgumentParser(
        prog="skbackprop",
        description="Backpropagation networks as scikit-learn estimators. Without a command: "
        "classify the wheat seeds with the network of the tutorial, cross-validated.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        epilog="'skbackprop fit --help' and 'skbackprop predict --help' describe the commands "
        "for your own tables.",
    )
    parser.add_argument("--version", action="version", version=f"skbackprop {__version__}")
    case_study.add_options(parser)
    commands = parser.add_subparsers(title="commands", metavar="{fit,predict}")
    fit_table.add_command(commands)
    predict_table.add_command(commands)
    return parser
