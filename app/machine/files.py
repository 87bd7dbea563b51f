"""Files that appear at their name only when they are whole, and folders that end with who made them."""

import errno
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.machine.ending import leftovers
from app.scene import SceneError


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


def _sweep(folder: Path) -> None:
    """Removes what a killed export left behind: files of ours that nobody has written to for an hour."""
    for left in folder.glob(".zoomout-*.partial"):
        if time.time() - left.stat().st_mtime > 3600:
            left.unlink(missing_ok=True)


def _reason(error: OSError) -> str:
    return {
        errno.ENOSPC: "the disk is full",
        errno.EDQUOT: "the disk is full for this user",
        errno.EFBIG: "it would be larger than a file may be here",
        errno.EACCES: "the folder may not be written to",
        errno.EROFS: "the folder may not be written to",
        errno.ENOENT: "there is no such folder",
    }.get(error.errno or 0, (error.strerror or "unknown reason").lower())
