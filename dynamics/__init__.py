"""How a point moves on a landscape, and what is provably true of that motion. It draws nothing."""

from dynamics import backend

backend.prepare()

from dynamics.path import Path as Path  # noqa: E402
from dynamics.rules import RULES as RULES  # noqa: E402
from dynamics.schedules import SCHEDULES as SCHEDULES  # noqa: E402
from dynamics.simulate import Run as Run  # noqa: E402
from dynamics.simulate import simulate as simulate  # noqa: E402
