"""Writing a file in the place of another: whole or not at all, and with what the other had."""

import os
import socket
import stat
import subprocess
import sys
import traceback
from pathlib import Path

import pytest
from test_persistence import fit, refused

from skbackprop.callbacks import Checkpoint
from skbackprop.persistence import _replace, load, save

IS_ROOT = os.name == "posix" and os.geteuid() == 0
posix = pytest.mark.skipif(os.name != "posix", reason="modes, links and pipes are POSIX's")


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


@posix
def test_save_gives_a_new_file_the_usual_mode(tmp_path):
    (tmp_path / "other").touch()
    save(fit(), tmp_path / "model")
    assert mode_of(tmp_path / "model") == mode_of(tmp_path / "other")


@posix
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o755])
def test_save_keeps_the_mode_of_a_file(tmp_path, mode, monkeypatch):
    """At no time may others read what they must not."""
    path = tmp_path / "model"
    path.touch()
    path.chmod(mode)
    modes = []
    fsync = os.fsync

    def watch(descriptor):
        modes.append(stat.S_IMODE(os.fstat(descriptor).st_mode))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", watch)
    save(fit(), path)
    assert mode_of(path) == modes[0] == mode
    load(path)


@posix
@pytest.mark.skipif(not IS_ROOT, reason="only root can give files away")
def test_save_keeps_the_owner_of_a_file(tmp_path):
    path = tmp_path / "model"
    path.touch(0o600)
    os.chown(path, 1234, 2345)
    save(fit(), path)
    assert (path.stat().st_uid, path.stat().st_gid, mode_of(path)) == (1234, 2345, 0o600)


@posix
def test_save_refuses_a_file_that_is_read_only(tmp_path, monkeypatch):
    path = tmp_path / "model"
    path.write_bytes(b"kept")
    path.chmod(0o400)
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write to any file
    with pytest.raises(PermissionError, match="is read-only"):
        save(fit(), path)
    assert path.read_bytes() == b"kept"


@posix
def test_save_follows_a_symbolic_link(tmp_path):
    (tmp_path / "folder").mkdir()
    target, link = tmp_path / "folder" / "model", tmp_path / "link"
    link.symlink_to(target)
    for _ in range(2):  # a link to nothing, and to a file
        save(fit(), link)
        assert link.is_symlink() and not target.is_symlink()
    load(link)
    assert [found.name for found in target.parent.iterdir()] == ["model"]
    link.unlink()
    link.symlink_to(link)
    with pytest.raises(OSError, match="symbolic links"):
        save(fit(), link)


@posix
@pytest.mark.parametrize("kind", ["fifo", "socket", "device", "folder"])
@pytest.mark.parametrize("use", ["save", "load", "checkpoint"])
def test_what_is_no_regular_file_is_refused_at_once(tmp_path, kind, use):
    path = tmp_path / "model"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "device":
        path = Path(os.devnull)
    else:
        server = socket.socket(socket.AF_UNIX)
        server.bind(str(path))
        server.close()
    before = path.stat()
    if use == "load":
        refused(path, "it is not a regular file")
    else:
        with pytest.raises(OSError, match="is not a regular file"):
            if use == "save":
                save(fit(), path)
            else:
                Checkpoint(path)._write(fit())
    assert path.stat().st_ino == before.st_ino
    assert len(list(tmp_path.iterdir())) == (kind != "device")


@posix
def test_save_reports_success_where_the_folder_may_not_be_read(tmp_path, monkeypatch):
    """Nor listed, nor opened, nor synchronized: the file is there all the same."""
    path, opened = tmp_path / "model", os.open

    def refuse_folders(name, *args, **kwargs):
        if Path(name).is_dir():
            raise PermissionError(name)
        return opened(name, *args, **kwargs)

    def refuse(name):
        raise PermissionError(name)

    monkeypatch.setattr(os, "open", refuse_folders)
    monkeypatch.setattr(os, "listdir", refuse)
    save(fit(), path)
    load(path)


@posix
@pytest.mark.skipif(
    os.name == "posix" and os.geteuid() != 0, reason="only root can become others"
)
def test_save_as_a_user_who_may_write_and_not_read_the_folder(tmp_path):
    save(fit(), tmp_path / "source")
    folder = tmp_path / "folder"
    folder.mkdir()
    folder.chmod(0o733)
    estimator = load(tmp_path / "source")
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.chdir(folder)  # the folders above it may be closed to others
            os.setuid(65534)
            save(estimator, "model")
            save(estimator, "model")
            status = 0
        except Exception:
            traceback.print_exc()
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert [found.name for found in folder.iterdir()] == ["model"]


def test_save_takes_names_as_long_as_the_system(tmp_path):
    longest = os.pathconf(tmp_path, "PC_NAME_MAX") if os.name == "posix" else 200
    path = tmp_path / ("n" * longest)
    save(fit(), path)
    save(fit(), path)
    load(path)


KILLED = """
import os, sys
from skbackprop.persistence import load, save
estimator = load(sys.argv[1])
os.fsync = lambda descriptor: os.kill(os.getpid(), 9)
save(estimator, sys.argv[2])
"""


@pytest.mark.slow
@posix
def test_save_clears_what_a_killed_process_left(tmp_path):
    path, other = tmp_path / "model", tmp_path / "other"
    save(fit(), path)
    for target in (path, other):
        run = subprocess.run([sys.executable, "-c", KILLED, path, target])
        assert run.returncode == -9
    load(path)
    assert len(list(tmp_path.iterdir())) == 3
    save(fit(), path)
    assert not other.exists()
    assert len(list(tmp_path.iterdir())) == 2  # the other's is the other's
    save(fit(), other)
    assert sorted(found.name for found in tmp_path.iterdir()) == ["model", "other"]


@posix
def test_save_leaves_alone_what_another_save_writes(tmp_path, monkeypatch):
    """Two at once, from threads or processes: both go well, and the later one stays."""
    path, replaced, nested = tmp_path / "model", os.replace, []

    def meanwhile(source, target):
        if not nested:
            nested.append(True)
            save(fit(random_state=1), path)
        replaced(source, target)

    monkeypatch.setattr(os, "replace", meanwhile)
    save(fit(random_state=0), path)
    assert load(path).random_state == 0
    assert [found.name for found in tmp_path.iterdir()] == ["model"]


@posix
def test_save_begins_again_when_its_file_was_taken_for_a_leftover(tmp_path, monkeypatch):
    flock, removed = _replace.fcntl.flock, []

    def too_late(descriptor, operation):
        if not removed:
            removed.append(True)
            (leftover,) = tmp_path.iterdir()
            leftover.unlink()
        flock(descriptor, operation)

    monkeypatch.setattr(_replace.fcntl, "flock", too_late)
    save(fit(), tmp_path / "model")
    assert [found.name for found in tmp_path.iterdir()] == ["model"]


def test_save_where_nothing_can_be_locked(tmp_path, monkeypatch):
    """As on Windows, and on some file systems of networks."""
    monkeypatch.setattr(_replace, "fcntl", None)
    save(fit(), tmp_path / "model")
    save(fit(random_state=1), tmp_path / "model")
    assert load(tmp_path / "model").random_state == 1
    assert [found.name for found in tmp_path.iterdir()] == ["model"]


def test_save_names_the_path_that_cannot_be_written(tmp_path):
    path = tmp_path / "none" / "model"
    with pytest.raises(FileNotFoundError) as raised:
        save(fit(), path)
    assert raised.value.filename == str(path)


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_save_that_fails_leaves_the_old_file(tmp_path, monkeypatch, step):
    path = tmp_path / "model"
    save(fit(), path)
    before = path.read_bytes()

    def fail(*_):
        raise OSError("the disk is full")

    monkeypatch.setattr(f"skbackprop.persistence._replace.os.{step}", fail)
    with pytest.raises(OSError, match="disk is full"):
        save(fit(random_state=1), path)
    assert path.read_bytes() == before
    assert [found.name for found in tmp_path.iterdir()] == ["model"]
