"""What was computed last is kept, up to so many bytes and not so many results."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any


class Recent:
    """`get(key, make, size)`: what `make` gave for this key, or gives now; the longest unused is forgotten first."""

    def __init__(self, most: int):
        self.most, self.held = most, 0
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], Any], size: int) -> Any:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key][0]
        made = make()  # several may make the same at once; none waits for another
        with self._lock:
            self._forget(key)
            if size <= self.most:
                self._kept[key], self.held = (made, size), self.held + size
            while self.held > self.most:
                self._forget(next(iter(self._kept)))
        return made

    def _forget(self, key: Hashable) -> None:
        if key in self._kept:
            self.held -= self._kept.pop(key)[1]

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()
            self.held = 0
