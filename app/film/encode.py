"""Frames to films: mp4, webm and gif."""

import errno
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from app.scene import SceneError

Frames = Iterable[np.ndarray]
"""RGBA images of one size, shape (height, width, 4), uint8"""

CODECS: dict[str, tuple[str, dict[str, str], dict[str, str]]] = {
    "mp4": ("libx264", {"crf": "18", "preset": "veryfast"}, {"movflags": "+faststart"}),
    "webm": ("libvpx-vp9", {"crf": "24", "b": "0", "deadline": "realtime", "cpu-used": "6", "row-mt": "1"}, {}),
}
BT709, LIMITED = 1, 1


# ---------------------------------------------------------------------------------------------------------------------
# mp4 and webm


def film(
    file: Path, kind: str, frames: Frames, count: int, size: tuple[int, int], fps: int,
    words: Mapping[str, str] = MappingProxyType({}),
) -> None:  # fmt: skip
    """H.264 in mp4 or VP9 in webm, 4:2:0; drawing and encoding take turns on two threads. The frames are counted after.

    `words` are the file's own: its title and description.
    """
    av = _av()
    codec, options, container_options = CODECS[kind]
    try:
        with av.open(str(file), "w", format=kind, options=container_options) as container:
            container.metadata.update({name: text for name, text in words.items() if text})
            stream = container.add_stream(codec, rate=fps, options=options)
            stream.width, stream.height = size
            stream.pix_fmt, stream.time_base = "yuv420p", Fraction(1, fps)
            context = stream.codec_context
            context.colorspace = context.color_primaries = context.color_trc = BT709
            context.color_range = LIMITED

            def encode(number: int, frame: Any) -> None:
                frame = frame.reformat(format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG")
                frame.pts, frame.time_base = number, Fraction(1, fps)
                container.mux(stream.encode(frame))

            _in_turn(encode, (av.VideoFrame.from_ndarray(image, format="rgba") for image in frames))
            container.mux(stream.encode())
    except (av.codec.codec.UnknownCodecError, av.FFmpegError) as error:
        if isinstance(error, OSError) and error.errno in errno.errorcode:
            raise OSError(error.errno, error.strerror) from None
        raise SceneError("film", f"This computer's PyAV cannot make {kind} ({error}); choose gif or html.") from None
    with av.open(str(file)) as container:
        written = sum(1 for packet in container.demux(video=0) if packet.size)
    if written != count:
        raise SceneError("file", f"Only {written} of {count} frames arrived in the file, so it was thrown away; try again.")


def _in_turn(encode: Callable[[int, Any], None], frames: Iterable[Any]) -> None:
    """Encodes on a second thread, a few frames behind the drawing."""
    worker, waiting = ThreadPoolExecutor(1), deque[Any]()
    try:
        for number, frame in enumerate(frames):
            waiting.append(worker.submit(encode, number, frame))
            if len(waiting) > 4:
                waiting.popleft().result()
        for task in waiting:
            task.result()
    finally:
        worker.shutdown(cancel_futures=True)


def _av() -> Any:
    try:
        import av

        return av
    except ImportError:
        raise SceneError(
            "film", "Films need the package av, which is not installed: pip install av, or choose gif or html."
        ) from None


# ---------------------------------------------------------------------------------------------------------------------
# gif

CLEAR = 255
"""the palette's entry for a pixel that stays as it was"""


def gif(file: Path, samples: list[np.ndarray], frames: Frames, count: int, fps: int, colours: list[str]) -> None:
    """A moving picture that loops for ever. One palette for all frames; of each frame only what has changed."""
    from PIL import Image

    palette = _palette(samples, colours)
    nearest = _nearest(palette, len(set(colours)))
    before: np.ndarray | None = None
    with open(file, "wb") as out:
        for number, image in enumerate(frames):
            red, green, blue = (image[..., c].astype(np.uint32) >> 2 for c in range(3))
            index = nearest[red << 12 | green << 6 | blue]
            # a GIF counts in hundredths of a second: the roundings are spread so that the whole lasts as long as it should
            lasts = max(2, round(100 * (number + 1) / fps) - round(100 * number / fps))
            if before is None:
                out.write(_gif_head(index, palette))
            out.write(_gif_frame(index, before, lasts))
            before = index
        out.write(b";")
    with Image.open(file) as written:
        if getattr(written, "n_frames", 1) != count:
            raise SceneError("file", "The moving picture did not arrive whole, so it was thrown away; try again.")


def _palette(samples: list[np.ndarray], colours: list[str]) -> np.ndarray:
    """255 colours for the whole film: the paths' and the theme's own first, then the most useful of a few frames."""
    from PIL import Image

    own = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in dict.fromkeys(colours)], dtype=np.uint8)
    picture = Image.fromarray(np.concatenate([sample[::2, ::2, :3] for sample in samples]))
    rest = picture.quantize(CLEAR - len(own), method=Image.Quantize.MEDIANCUT).getpalette() or []
    table = np.concatenate([own, np.array(rest, dtype=np.uint8).reshape(-1, 3)])[:CLEAR]
    return np.concatenate([table, np.zeros((256 - len(table), 3), dtype=np.uint8)])


def _nearest(palette: np.ndarray, own: int) -> np.ndarray:
    """For each colour of six bits a channel, the nearest of the palette; shape (262144,), uint8.

    The first `own` colours are exact: a plain background must not come out as a neighbour.
    """
    level = (np.arange(64) * 4 + 2).astype(np.float32)
    colours, blues = palette[:CLEAR].astype(np.float32), np.square(level[:, None] - palette[None, :CLEAR, 2])
    table = np.empty((64, 64, 64), dtype=np.uint8)
    for r in range(64):
        reds = np.square(level[r] - colours[:, 0])
        for g in range(64):
            distance = reds + 2 * np.square(level[g] - colours[:, 1])
            table[r, g] = np.argmin(distance[None, :] + blues, axis=1)
    for i in reversed(range(own)):
        table[tuple(palette[i] >> 2)] = i
    return table.ravel()


def _gif_head(index: np.ndarray, palette: np.ndarray) -> bytes:
    height, width = index.shape
    screen = width.to_bytes(2, "little") + height.to_bytes(2, "little") + b"\xf7\x00\x00"
    return b"GIF89a" + screen + palette.tobytes() + b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00"


def _gif_frame(index: np.ndarray, before: np.ndarray | None, lasts: int) -> bytes:
    from PIL import GifImagePlugin, Image

    box, part = (0, 0), index
    if before is not None:
        changed = index != before
        rows, columns = (np.flatnonzero(changed.any(axis=axis)) for axis in (1, 0))
        if not len(rows):
            rows = columns = np.array([0])
        window = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
        box, part = (int(columns[0]), int(rows[0])), np.where(changed[window], index[window], CLEAR).astype(np.uint8)
    options = {"duration": 10 * lasts, "disposal": 1, "transparency": CLEAR, "include_color_table": False}
    image = Image.fromarray(part, mode="L")
    image = Image.frombytes("P", image.size, part.tobytes())
    return b"".join(GifImagePlugin.getdata(image, box, **options))
