"""Write a file that is whole or not there, whatever interrupts the writing."""

import hashlib
import os
import secrets
import stat
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows, where an open file cannot be removed
    fcntl = None  # type: ignore[assignment]


def replace_file(path, chunks):
    """Write a new file in the place of `path`, in one step.

    A symbolic link is followed. The mode of an earlier file is kept, and its owner where that
    is allowed. What earlier processes left behind, because they were killed while they wrote
    to the same path, is removed.

    Parameters
    ----------
    path : path-like
    chunks : iterable of bytes-like
        The content.

    Raises
    ------
    OSError
        If the file cannot be written, or if something else than a regular file is there.
    """
    path = Path(path)
    if path.is_symlink():
        path = Path(os.path.realpath(path))
    before = _stat_writable(path)
    _remove_leftovers(path)
    with _temporary(path, 0o666 if before is None else stat.S_IMODE(before.st_mode)) as file:
        for chunk in chunks:
            file.write(chunk)
        file.flush()
        if before is not None and os.name == "posix":
            _keep_owner_and_mode(file.fileno(), before)
        os.fsync(file.fileno())
    _sync(path.parent)


def _stat_writable(path):
    """The status of an earlier file, or None."""
    try:
        before = os.stat(path)
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(before.st_mode):
        raise OSError(f"{path} cannot be written: it is there, and is not a regular file.")
    if not os.access(path, os.W_OK):
        raise PermissionError(f"{path} cannot be written: it is read-only.")
    return before


def _keep_owner_and_mode(descriptor, before):
    now = os.fstat(descriptor)
    if (now.st_uid, now.st_gid) != (before.st_uid, before.st_gid):
        with suppress(PermissionError):
            os.fchown(descriptor, -1, before.st_gid)
            os.fchown(descriptor, before.st_uid, -1)
    if stat.S_IMODE(os.fstat(descriptor).st_mode) != stat.S_IMODE(before.st_mode):
        os.fchmod(descriptor, stat.S_IMODE(before.st_mode))


# ---- Temporary files ----


@contextmanager
def _temporary(path, mode):
    """A new file beside `path`, moved there at the end, or removed if anything is raised."""
    descriptor, beside = _create(path, mode)
    try:
        with open(descriptor, "wb") as file:
            yield file
            if fcntl is None:
                file.close()  # an open file cannot be moved either
            os.replace(beside, path)
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise


def _create(path, mode):
    """A new file, locked as long as it is open, under a name that nobody can guess."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    while True:
        beside = path.with_name(f"{_prefix(path)}{secrets.token_hex(8)}.tmp")
        try:
            descriptor = os.open(beside, flags, mode)
        except OSError as error:
            error.filename = str(path)
            raise
        _lock(descriptor)
        # Before it was locked, another process may have taken it for a leftover.
        if beside.exists():
            return descriptor, beside
        os.close(descriptor)


def _prefix(path):
    """How the names of the temporary files of a path begin; the path's own may be too long."""
    return f".skbackprop-{hashlib.sha256(os.fsencode(path.name)).hexdigest()[:16]}-"


def _lock(descriptor):
    """Lock an open file; whether nobody else had."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # somebody had, or this file system knows no locks
        return False
    return True


def _remove_leftovers(path):
    """Remove temporary files of processes that were killed."""
    prefix = _prefix(path)
    with suppress(OSError):  # a folder that may not be read
        found = [name for name in os.listdir(path.parent) if name.startswith(prefix)]
        for name in found:
            _remove_unless_locked(path.with_name(name))


def _remove_unless_locked(path):
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    with suppress(OSError), open(os.open(path, flags), "rb") as file:
        if _lock(file.fileno()):
            if fcntl is None:
                file.close()
            path.unlink()


def _sync(folder):
    """See to it that the folder's new entry is on the disk, where the system can do that.

    The file is in its place by now, so nothing that goes wrong here is a failure.
    """
    if os.name == "posix":
        with suppress(OSError):
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
