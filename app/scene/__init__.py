"""A scene says everything: landscape, starts, runs, steps, arithmetic and view, in one frozen, versioned value.

    schema   what a scene is                      checks   what it may not be, each in one sentence
    charts   what it shows instead of paths
    data     plain dicts, as TOML and JSON have   files    TOML and JSON
    links    ?scene=…, ?preset=…                  source   Python
    presets  scenes to start from                 changes  what one scene has that another has not

Every door (page, command, file, link) ends in the one schema.
"""

from app.scene.charts import Atlas, Averages, Distances, Ensemble, Orbits, Portrait, Race, Sweep
from app.scene.data import from_data, from_preset, to_data
from app.scene.error import SceneError
from app.scene.files import MAX_FILE, load, read, read_bytes, to_json, to_toml
from app.scene.links import from_link, from_query, from_token, to_link
from app.scene.schema import ARITHMETICS, COLOUR_MAPS, PARTNERS, STRIPS, Run, Scene, Start, View
from app.scene.source import to_python

__all__ = [
    "ARITHMETICS", "COLOUR_MAPS", "MAX_FILE", "PARTNERS", "STRIPS", "Atlas", "Averages", "Distances", "Ensemble", "Orbits",
    "Portrait", "Race", "Run", "Scene", "SceneError", "Start", "Sweep", "View", "from_data", "from_link", "from_preset",
    "from_query", "from_token", "load", "read", "read_bytes", "to_data", "to_json", "to_link", "to_python", "to_toml",
]  # fmt: skip
