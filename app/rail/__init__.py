"""The controls beside the picture: each is a reading of a signature, and an edit is a pure function from scene to scene."""
