"""Files that appear at their name only when they are whole."""

import errno
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.scene import SceneError


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A name to write to; what was written becomes `path` when the block ends well, and vanishes when it does not."""
    folder = path.absolute().parent
    partial = folder / f".zoomout-{secrets.token_hex(6)}.partial"
    try:
        _sweep(folder)
        yield partial
        partial.replace(path)
    except OSError as error:
        raise SceneError("file", f"{path.name} cannot be written: {_reason(error)}.") from None
    finally:
        partial.unlink(missing_ok=True)


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
