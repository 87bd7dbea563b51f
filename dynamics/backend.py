"""How JAX is asked to compile and where: process-wide choices that make a loop over scalars as fast as hand-written C.

Stock XLA runs every iteration of a CPU loop as separate kernels; with these flags a whole loop becomes one function.
They must be set before JAX starts its backend, so importing `dynamics` sets them unless ZOOMOUT_XLA=0, unless the
variable XLA_FLAGS already chooses, or unless JAX is already at work. Every core becomes a device of its own, over
which work on many lanes is spread, unless JAX_NUM_CPU_DEVICES already says how many.
"""

import os
import sys
import warnings

FLAGS = (
    "--xla_backend_extra_options=xla_cpu_small_while_loop_byte_threshold=1000000000,xla_cpu_use_multi_output_fusion=true"
    " --xla_cpu_prefer_vector_width=256"
)
"""Vectors of 512 bits would make maps in float32 a sixth faster, but XLA 0.10.2's arc tangent is wrong in them."""


def prepare() -> None:
    # where JAX keeps compiled programs in a folder (JAX_COMPILATION_CACHE_DIR), a damaged one is compiled again: no news
    warnings.filterwarnings("ignore", "Error (reading|writing) persistent compilation cache")
    if os.environ.get("ZOOMOUT_XLA") == "0" or _already_running():
        return
    chosen = os.environ.get("XLA_FLAGS", "")
    if "xla_backend_extra_options" not in chosen:
        os.environ["XLA_FLAGS"] = f"{chosen} {FLAGS}".strip()
    if "JAX_NUM_CPU_DEVICES" not in os.environ and "xla_force_host_platform_device_count" not in chosen:
        _split_cpu(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


def _split_cpu(cores: int) -> None:
    os.environ["JAX_NUM_CPU_DEVICES"] = str(cores)
    if "jax" in sys.modules:  # it has read the environment already
        sys.modules["jax"].config.update("jax_num_cpu_devices", cores)


def join(coordinator: str, processes: int, process: int) -> None:
    """Makes this process number `process` of `processes`, here or on other machines: work on many lanes is spread over all
    their devices, and every process receives the whole of it. Process 0 answers at `coordinator`, "host:port".

    Every process must ask for the same work, and join before anything is computed.
    """
    import jax

    jax.distributed.initialize(coordinator, processes, process)


def _already_running() -> bool:
    bridge = sys.modules.get("jax._src.xla_bridge")
    return bool(bridge and bridge.backends_are_initialized())
