"""Whether notebooks are as a run from top to bottom leaves them: ``check_notebooks.py FILE``.

Readers and the documentation site see what is committed, so outputs stay in; what does not
belong in them is named here. That they still run is for the tests.
"""

import json
import sys
from pathlib import Path

MOST_BYTES = 250_000


def faults(path):
    """What is wrong with a notebook, a sentence each."""
    text = path.read_text(encoding="utf-8")
    if len(text.encode()) >= MOST_BYTES:
        yield f"is larger than {MOST_BYTES} bytes"
    cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
    counts = [cell["execution_count"] for cell in cells]
    if counts != list(range(1, len(cells) + 1)):
        yield f"was not run once from top to bottom: its cells are numbered {counts}"
    outputs = [output for cell in cells for output in cell["outputs"]]
    if any(output["output_type"] == "error" for output in outputs):
        yield "holds an error"
    if any(output.get("name") == "stderr" for output in outputs):
        yield "holds a warning"
    if any(f'"{folder}/' in text or f" {folder}/" in text for folder in ("/home", "/Users")):
        yield "holds the path of a user's folder"


def main(paths):
    """Print all faults; 1 if there are any."""
    found = [f"{path} {fault}" for path in map(Path, paths) for fault in faults(path)]
    print("\n".join(found), end="\n" if found else "")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
