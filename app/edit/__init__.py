"""How a scene is changed by hand: numbers as people type them, controls, edits, undo."""
