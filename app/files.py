"""Files that appear at their name only when they are whole."""

import errno
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.ending import leftovers
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


def _sweep(folder: Path) -> None:
    """Removes what a killed export left behind: files of ours that nobody has written to for an hour."""
    for left in folder.glob(".zoomout-*.partial"):
        if time.time() - left.stat().st_mtime > 3600:
            left.unlink(missing_ok=True)


def _reason(error: OSError) -> str:
    return {
        errno.ENOSPC: "the disk is full",
        errno.EACCES: "the folder may not be written to",
        errno.EROFS: "the folder may not be written to",
        errno.ENOENT: "there is no such folder",
    }.get(error.errno or 0, (error.strerror or "unknown reason").lower())
