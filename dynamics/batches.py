"""Minibatches: of the rows of a loss's data so many are drawn anew at each step, none of them twice.

    L_B(w) = mean over i in B of ℓ(w; row i),   B a uniformly random set of b of the n rows

Everything that the formula averages is averaged over the batch, the statistics of a batch normalisation too.
"""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np

from landscapes import Landscape
from landscapes.rows import MAX_ROWS


def checked(batch: int, landscape: Landscape) -> int:
    """The size of a batch, or `ValueError` in one sentence where the loss has no such many rows."""
    if refusal := refused(batch, landscape):
        raise ValueError(refusal)
    return batch


def refused(batch: int, landscape: Landscape) -> str | None:
    """Why there are no batches of a size, in one sentence, or None."""
    if batch and not landscape.rows:
        return "A batch is drawn from the rows of a loss's data; this loss has none."
    if batch > landscape.rows:
        return f"A batch has at most as many rows as the data, which have {landscape.rows}; {batch} were asked for."
    return None


def drawn(landscape: Landscape, values: Mapping[str, Any], bits: Any, batch: int) -> dict[str, Any]:
    """Knobs and columns (n,) with a batch (b, …) in the place of each column, chosen by random `bits` (n, …) of 32 each.

    The rows with the b smallest numbers are the batch; a row's own number in the last bits tells equal ones apart.
    """
    rows, spread = landscape.rows, (-1, *[1] * (bits.ndim - 1))
    own = jnp.arange(rows, dtype=jnp.uint32).reshape(spread)
    keys = (bits & np.uint32(2**32 - MAX_ROWS)) | own
    place = jnp.sum(keys[None] < keys[:, None], axis=1)
    here = place[None] == jnp.arange(batch).reshape(-1, *[1] * bits.ndim)
    zero = jnp.zeros((), values[landscape.columns[0][0]].dtype)
    return dict(values) | {
        name: jnp.sum(jnp.where(here, values[name].reshape(spread)[None], zero), axis=1) for name, _ in landscape.columns
    }
