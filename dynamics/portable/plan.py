"""Where each node is computed: before the loop, in it, or in the one side of an `if` that alone wants it.

A node that is used twice, or elsewhere than where it is computed, has a name; all others stand where they are used.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from dynamics.portable.graph import LEAVES, Node, flat

BEFORE, WITHIN = "before", "within"
"""outside the loop and in its body; a side of an `if` is the region (its node, 1 or 2)"""


def in_order(outputs: Iterable[Node]) -> list[Node]:
    """All nodes that outputs need, operands first."""
    seen: set[Node] = set()
    order: list[Node] = []
    stack = [(each, False) for each in reversed(list(outputs))]
    while stack:
        each, ready = stack.pop()
        if each in seen:
            continue
        if ready:
            seen.add(each)
            order.append(each)
        else:
            stack.append((each, True))
            stack += [(operand, False) for operand in reversed(flat(each.operands)) if operand not in seen]
    return order


class Plan:
    """The named nodes of each region, in order; `wanted` are the results that somebody reads of what has several."""

    def __init__(self, outputs: Sequence[Node], looped: bool):
        self.order = in_order(outputs)
        self.users: dict[Node, list[tuple[Node, int | None]]] = {each: [] for each in self.order}
        for each in self.order:
            for place, operand in enumerate(each.operands):
                for one in flat((operand,)):
                    self.users[one].append((each, place if isinstance(operand, tuple) else None))
        self._above: dict[Any, Any] = {WITHIN: None, BEFORE: None}
        self._depth = {WITHIN: 0, BEFORE: 0}
        self.region: dict[Node, Any] = {}
        for each in reversed(self.order):
            self._place(each, outputs, looped)
        self.body: dict[Any, list[Node]] = {}
        for each in self.order:
            if self._named(each, outputs):
                self.body.setdefault(self.region[each], []).append(each)

    def wanted(self, several: Node) -> list[int]:
        return sorted({user.data for user, _ in self.users[several]})

    def _place(self, each: Node, outputs: Sequence[Node], looped: bool) -> None:
        if looped and not each.moves:
            at = BEFORE
        else:
            places = [self.region[user] if side is None else (user, side) for user, side in self.users[each]]
            at = WITHIN if each in outputs else places[0]
            for place in places:
                at = self._common(at, place)
        self.region[each] = at
        if each.operation == "if":
            for side in (1, 2):
                self._above[each, side], self._depth[each, side] = at, self._depth[at] + 1

    def _common(self, a: Any, b: Any) -> Any:
        """The innermost region that holds both."""
        while a != b:
            if self._depth[a] >= self._depth[b]:
                a = self._above[a]
            else:
                b = self._above[b]
        return a

    def _named(self, each: Node, outputs: Sequence[Node]) -> bool:
        if each.operation in LEAVES or each.operation == "part":
            return False
        users = self.users[each]
        elsewhere = any(side is not None or self.region[user] != self.region[each] for user, side in users)
        return each.operation in ("if", "call") or each in outputs or len(users) > 1 or elsewhere
