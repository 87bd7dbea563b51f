"""Files that appear at their name only when they are whole, and folders that end with who made them."""

import errno
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from app.machine.ending import leftovers
from app.scene import SceneError

try:
    from fcntl import LOCK_EX, LOCK_NB, flock
except ImportError:  # Windows, where a file that is open can be neither renamed nor removed
    flock = None  # type: ignore[assignment]


def check_new(path: Path, force: bool) -> None:
    """Refuses to replace what is there, before any work is done. A symbolic link counts as what it names."""
    if (path.exists() or path.is_symlink()) and not force:
        raise SceneError("exists", f"{path.name} exists already; choose another name, or replace it with --force.")


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A name to write to; what was written becomes `path` when the block ends well, and vanishes when it does not.

    The name is random, so nobody can lay a link there beforehand; where `path` is a symbolic link, the file it names is
    written, and the link stays.
    """
    path = path.resolve() if path.is_symlink() else path
    folder = path.absolute().parent
    partial = folder / f".zoomout-{secrets.token_hex(6)}.partial"
    leftovers.add(partial)
    try:
        _sweep(folder)
        with _held(partial):
            yield partial
            partial.replace(path)
    except OSError as error:
        raise SceneError("file", f"{path.name} cannot be written: {_reason(error)}.") from None
    finally:
        partial.unlink(missing_ok=True)
        leftovers.discard(partial)


def own_folder() -> Path:
    """A folder for files of this process, which it takes away when it ends; what killed ones left is swept."""
    there = Path(tempfile.gettempdir())
    for left in there.glob("zoomout-*-*"):
        owner = left.name.split("-")[1]
        if owner.isdecimal() and not _runs(int(owner)):
            shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f"zoomout-{os.getpid()}-", dir=there))
    leftovers.add(folder)
    return folder


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is somebody else's
        pass
    return True


@contextmanager
def passing_folder() -> Iterator[Path]:
    """Such a folder, for as long as the block lasts; that nothing can be written there is said in a sentence."""
    folder = None
    try:
        folder = own_folder()
        yield folder
    except OSError as error:
        raise SceneError("file", f"A file cannot be made on this machine: {_reason(error)}.") from None
    finally:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
            leftovers.discard(folder)


@contextmanager
def _held(partial: Path) -> Iterator[None]:
    """Makes the file and locks it for as long as the block lasts and this process lives, so that no other one sweeps it."""
    if flock is None:
        yield
        return
    while True:
        handle = os.open(partial, os.O_CREAT | os.O_RDWR, 0o666)
        try:
            with suppress(OSError):  # of a file system without locks
                flock(handle, LOCK_EX)
            if partial.exists():
                yield
                return
        finally:
            os.close(handle)


def _sweep(folder: Path) -> None:
    """Removes what killed exports left behind."""
    for left in folder.glob(".zoomout-*.partial"):
        with suppress(OSError):  # it is somebody else's
            if _abandoned(left):
                left.unlink()


def _abandoned(partial: Path) -> bool:
    """Whether no process holds it; where that cannot be known, whether nobody has written to it for an hour."""
    if flock is None or partial.is_symlink() or not partial.is_file():
        return time.time() - partial.lstat().st_mtime > 3600
    handle = os.open(partial, os.O_RDWR)
    try:
        flock(handle, LOCK_EX | LOCK_NB)
        return True
    except BlockingIOError:
        return False
    except OSError:
        return time.time() - partial.stat().st_mtime > 3600
    finally:
        os.close(handle)


def _reason(error: OSError) -> str:
    return {
        errno.ENOSPC: "the disk is full",
        errno.EDQUOT: "the disk is full for this user",
        errno.EFBIG: "it would be larger than a file may be here",
        errno.EACCES: "the folder may not be written to",
        errno.EROFS: "the folder may not be written to",
        errno.ENOENT: "there is no such folder",
    }.get(error.errno or 0, (error.strerror or "unknown reason").lower())
