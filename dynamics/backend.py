"""How JAX is asked to compile: two process-wide choices that make a loop over scalars as fast as hand-written C.

Stock XLA runs every iteration of a CPU loop as separate kernels; with these flags a whole loop becomes one function.
They must be set before JAX starts its backend, so importing `dynamics` sets them unless ZOOMOUT_XLA=0, unless the
variable XLA_FLAGS already chooses, or unless JAX is already at work.
"""

import os
import sys

FLAGS = (
    "--xla_backend_extra_options=xla_cpu_small_while_loop_byte_threshold=1000000000,xla_cpu_use_multi_output_fusion=true"
    " --xla_cpu_prefer_vector_width=512"
)


def prepare() -> None:
    chosen = os.environ.get("XLA_FLAGS", "")
    if os.environ.get("ZOOMOUT_XLA") == "0" or "xla_backend_extra_options" in chosen or _already_running():
        return
    os.environ["XLA_FLAGS"] = f"{chosen} {FLAGS}".strip()


def _already_running() -> bool:
    bridge = sys.modules.get("jax._src.xla_bridge")
    return bool(bridge and bridge.backends_are_initialized())
