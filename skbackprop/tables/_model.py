"""A fitted network with what it needs to answer for new tables, and its file."""

from dataclasses import asdict, dataclass
from pathlib import Path

from ..persistence import TRUSTED_TYPES as _ESTIMATORS
from ._columns import CATEGORY, Column, as_typed, check_columns
from ._errors import TableError, import_pandas
from ._frames import as_frame

_FORMAT = "skbackprop table model 1"
#: What ``skops.io.load`` has to trust in the file of a TableModel.
TRUSTED_TYPES: list[str] = [
    *_ESTIMATORS,
    "numpy.dtype",
    "skbackprop.tables._columns.date_part_names",
    "skbackprop.tables._columns.date_parts",
]


@dataclass(frozen=True)
class TableModel:
    """A fitted pipeline that predicts one column of a table from the others.

    `evaluate` makes it.

    Parameters
    ----------
    pipeline : sklearn.pipeline.Pipeline
        The encoder of the dates, "encode", and the fitted network, "network", which encodes
        categories and missing values itself.
    target : str
        The name of the predicted column.
    task : {"classification", "regression"}
        What is predicted.
    columns : list of Column
        The other columns of the training table and their roles.

    Examples
    --------
    >>> from skbackprop.datasets import load_wheat_seeds
    >>> from skbackprop.tables import evaluate
    >>> table = load_wheat_seeds(as_frame=True).frame
    >>> model = evaluate(table, random_state=0).model
    >>> model.predict(table.iloc[[0, 80, 200]])["predicted variety"].tolist()
    [1, 2, 3]
    """

    pipeline: object
    target: str
    task: str
    columns: list

    @property
    def network(self):
        """The fitted BackpropClassifier or BackpropRegressor."""
        return self.pipeline.named_steps["network"]

    @property
    def text_columns(self):
        """The names of the categories, which `read_table` has to read as text."""
        return [column.name for column in self.columns if column.role == CATEGORY]

    def encode(self, frame):
        """Return what the network takes for the rows of a table.

        Parameters
        ----------
        frame : pandas.DataFrame
            A table with the columns of the training table; the order does not matter.

        Returns
        -------
        encoded : pandas.DataFrame of shape (n_samples, n_columns)
            Numbers, then categories as text, then the parts of dates.

        Raises
        ------
        TableError
            If a column is missing, or holds something else than in training.
        """
        return self.pipeline.named_steps["encode"].transform(self.select(frame))

    def select(self, frame):
        """Return the columns that the pipeline takes, each of the type of its role."""
        frame = as_frame(frame)
        check_columns(
            frame, self.columns, "The table is not like the one of training. It lacks"
        )
        return as_typed(frame, self.columns)

    def predict(self, frame):
        """Return the predictions for the rows of a table.

        Parameters
        ----------
        frame : pandas.DataFrame
            A table with the columns of the training table. The target may be missing.

        Returns
        -------
        predictions : pandas.DataFrame
            The column "predicted NAME" and, for classes, a column "probability CLASS" each.

        Raises
        ------
        TableError
            If a column is missing, or holds something else than in training.
        """
        pandas = import_pandas()
        cells = self.select(frame)
        predictions = {f"predicted {self.target}": self.pipeline.predict(cells)}
        if self.task == "classification":
            probabilities = self.pipeline.predict_proba(cells)
            for i, label in enumerate(self.pipeline.classes_):
                predictions[f"probability {label}"] = probabilities[:, i]
        return pandas.DataFrame(predictions, index=frame.index)

    def save(self, path):
        """Save the model.

        Parameters
        ----------
        path : str or path-like
            A name that ends with ".skops", for a file that runs no code when it is loaded,
            or with ".joblib", which needs no skops but is a pickle.

        Raises
        ------
        TableError
            If the name ends otherwise.
        ImportError
            If skops is not installed.
        """
        state = {
            "format": _FORMAT,
            "pipeline": self.pipeline,
            "target": self.target,
            "task": self.task,
            "columns": [asdict(column) for column in self.columns],
        }
        if check_model_path(path) == ".skops":
            import_skops().dump(state, path)
        else:
            import joblib

            joblib.dump(state, path)

    @classmethod
    def load(cls, path):
        """Load a model from a file that `save` wrote.

        Parameters
        ----------
        path : str or path-like
            The file. One of ".joblib" can execute code: load it only from sources you trust.

        Returns
        -------
        model : TableModel
            The model.

        Raises
        ------
        TableError
            If there is no such file, or it is damaged or holds something else.
        ImportError
            If skops is not installed.
        """
        suffix = check_model_path(path)
        if not Path(path).is_file():
            raise TableError(f"There is no model file {path}.")
        skops = import_skops() if suffix == ".skops" else None
        try:
            state = _load_skops(skops, path) if skops else _load_joblib(path)
            return _from_state(cls, state)
        except MemoryError:
            raise
        except Exception as error:  # a damaged archive or pickle fails in many ways
            raise TableError(
                f"{path} is damaged, or is not a model that skbackprop fit has saved. "
                f"{type(error).__name__}: {error}"
            ) from error


def check_model_path(path):
    """Return the suffix of the file of a model, after checking it."""
    suffix = Path(path).suffix.lower()
    if suffix not in (".skops", ".joblib"):
        raise TableError(f"The name of a model ends with .skops or .joblib. Got {str(path)!r}.")
    return suffix


def import_skops():
    """Return skops.io.

    Raises
    ------
    ImportError
        If skops is not installed.
    """
    try:
        import skops.io
    except ImportError as error:
        raise ImportError(
            "Files that end with .skops need skops. Install it with: pip install "
            "'skbackprop[tables]', or use a name that ends with .joblib."
        ) from error
    return skops.io


def _load_skops(skops, path):
    unknown = [
        name for name in skops.get_untrusted_types(file=path) if name not in TRUSTED_TYPES
    ]
    if unknown:
        raise ValueError(f"It holds types that are not trusted: {', '.join(unknown)}.")
    return skops.load(path, trusted=TRUSTED_TYPES)


def _load_joblib(path):
    import joblib

    return joblib.load(path)


def _from_state(cls, state):
    if not isinstance(state, dict) or state.get("format") != _FORMAT:
        raise ValueError("It has another format.")
    columns = [Column(**column) for column in state["columns"]]
    model = cls(state["pipeline"], state["target"], state["task"], columns)
    if set(model.pipeline.named_steps) != {"encode", "network"}:
        raise ValueError("Its pipeline has other steps.")
    return model
