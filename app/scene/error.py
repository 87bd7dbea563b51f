"""Why a scene is refused."""


class SceneError(ValueError):
    """A code for programs, a sentence for people, a column where there is one."""

    def __init__(self, code: str, message: str, column: int | None = None):
        super().__init__(message)
        self.code, self.message, self.column = code, message, column
