"""A program as a WebAssembly module, byte by byte. A page and a server run the same one.

    clock(numbers, rates, stride, rows, count)                       a row of what depends on no start for each step
    path(numbers, start, rows, stride, out, plane, steps) -> sound   x, y and frame over t; 0 where a gradient had no value
    read(numbers, points, plane, out, count)                         loss, gradient's x and y, sharpness at each point

All arguments are addresses and counts (i32). Numbers, starts, rates and rows take eight bytes each, in the program's order;
points and results are columns of doubles, `plane` bytes apart. A stride of 0 reads one row at every step.
"""

import struct
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from dynamics.portable.elementary import FUNCTIONS
from dynamics.portable.graph import FLOATS, TABLES, Node, value
from dynamics.portable.plan import BEFORE, WITHIN, Plan, in_order
from dynamics.portable.program import Program

FREE = 1024
"""the first address that is not a table's"""

VALUE = {"f64": 0x7C, "f32": 0x7D, "i64": 0x7E, "u64": 0x7E, "i32": 0x7F, "u32": 0x7F, "bool": 0x7F}
STACKED = {"u32": "i32", "u64": "i64", "bool": "i32"}
"""the types of the machine that others are held in"""
LOAD = {"f64": (0x2B, 3), "f32": (0x2A, 2), "i64": (0x29, 3), "i32": (0x28, 2)}
STORE = {"f64": (0x39, 3), "f32": (0x38, 2), "i64": (0x37, 3), "i32": (0x36, 2)}
WHOLE_NUMBERS = {
    "i32": {"add": 0x6A, "sub": 0x6B, "mul": 0x6C, "and": 0x71, "or": 0x72, "xor": 0x73, "shl": 0x74, "rotl": 0x77,
            "eq": 0x46, "ne": 0x47},
    "i64": {"add": 0x7C, "sub": 0x7D, "mul": 0x7E, "and": 0x83, "or": 0x84, "xor": 0x85, "shl": 0x86,
            "eq": 0x51, "ne": 0x52},
}  # fmt: skip
CODE = {
    "f64": {"add": 0xA0, "sub": 0xA1, "mul": 0xA2, "div": 0xA3, "min": 0xA4, "max": 0xA5, "copysign": 0xA6, "abs": 0x99,
            "neg": 0x9A, "ceil": 0x9B, "floor": 0x9C, "rint": 0x9E, "sqrt": 0x9F, "eq": 0x61, "ne": 0x62, "lt": 0x63,
            "gt": 0x64, "le": 0x65, "ge": 0x66},
    "f32": {"add": 0x92, "sub": 0x93, "mul": 0x94, "div": 0x95, "min": 0x96, "max": 0x97, "copysign": 0x98, "abs": 0x8B,
            "neg": 0x8C, "ceil": 0x8D, "floor": 0x8E, "rint": 0x90, "sqrt": 0x91, "eq": 0x5B, "ne": 0x5C, "lt": 0x5D,
            "gt": 0x5E, "le": 0x5F, "ge": 0x60},
    "i32": WHOLE_NUMBERS["i32"] | {"shr": 0x75, "lt": 0x48, "gt": 0x4A, "le": 0x4C, "ge": 0x4E},
    "u32": WHOLE_NUMBERS["i32"] | {"shr": 0x76, "lt": 0x49, "gt": 0x4B, "le": 0x4D, "ge": 0x4F},
    "bool": WHOLE_NUMBERS["i32"],
    "i64": WHOLE_NUMBERS["i64"] | {"shr": 0x87, "lt": 0x53, "gt": 0x55, "le": 0x57, "ge": 0x59},
    "u64": WHOLE_NUMBERS["i64"] | {"shr": 0x88, "lt": 0x54, "gt": 0x56, "le": 0x58, "ge": 0x5A},
}  # fmt: skip
CONVERT = {
    ("i32", "f64"): b"\xb7", ("u32", "f64"): b"\xb8", ("i64", "f64"): b"\xb9", ("u64", "f64"): b"\xba",
    ("f32", "f64"): b"\xbb", ("i32", "f32"): b"\xb2", ("u32", "f32"): b"\xb3", ("i64", "f32"): b"\xb4",
    ("u64", "f32"): b"\xb5", ("f64", "f32"): b"\xb6", ("i32", "i64"): b"\xac", ("u32", "i64"): b"\xad",
    ("i64", "i32"): b"\xa7", ("f64", "i32"): b"\xfc\x02", ("f32", "i32"): b"\xfc\x00", ("f64", "u32"): b"\xfc\x03",
    ("f32", "u32"): b"\xfc\x01", ("f64", "i64"): b"\xfc\x06", ("f32", "i64"): b"\xfc\x04", ("f64", "u64"): b"\xfc\x07",
    ("f32", "u64"): b"\xfc\x05",
}  # fmt: skip
BITS = {
    ("f64", "i64"): b"\xbd", ("i64", "f64"): b"\xbf", ("f32", "i32"): b"\xbc", ("i32", "f32"): b"\xbe",
}  # fmt: skip


def stacked(kind: str) -> str:
    return STACKED.get(kind, kind)


def converted(before: str, after: str) -> bytes:
    """From type to type; floats saturate and never trap."""
    if stacked(before) == stacked(after):
        return b""
    before = "u32" if before == "bool" else before
    if before not in FLOATS and after not in FLOATS:
        before, after = (stacked(before) if before.endswith("64") else before), stacked(after)
    return CONVERT[before, after]


def unsigned(n: int) -> bytes:
    """LEB128."""
    out = bytearray()
    while True:
        n, low = n >> 7, n & 127
        out.append(low | (128 if n else 0))
        if not n:
            return bytes(out)


def signed(n: int) -> bytes:
    out = bytearray()
    while True:
        n, low = n >> 7, n & 127
        done = n == (-1 if low & 64 else 0)
        out.append(low | (0 if done else 128))
        if done:
            return bytes(out)


def sequence(items: Sequence[bytes]) -> bytes:
    return unsigned(len(items)) + b"".join(items)


def section(number: int, body: bytes) -> bytes:
    return bytes([number]) + unsigned(len(body)) + body


def text(name: str) -> bytes:
    return unsigned(len(name)) + name.encode()


class Code:
    """The code of one function: a node's value is put on the stack, and named nodes are kept in locals."""

    def __init__(self, module: "Module", arguments: Sequence[str]):
        self.module, self.code, self.types, self.arguments = module, bytearray(), list(arguments), len(arguments)
        self.places: dict[Any, int] = {}
        self._set: tuple[int, int, int] | None = None

    # Words

    def new(self, kind: str) -> int:
        self.types.append(stacked(kind))
        return len(self.types) - 1

    def get(self, local: int) -> None:
        if self._set and self._set[:2] == (len(self.code), local):
            self.code[self._set[2]] = 0x22  # set and get is tee
            self._set = None
        else:
            self.code += b"\x20" + unsigned(local)

    def set(self, local: int) -> None:
        at = len(self.code)
        self.code += b"\x21" + unsigned(local)
        self._set = (len(self.code), local, at)

    def number(self, n: int) -> None:
        self.code += b"\x41" + signed(n)

    def op(self, *codes: int) -> None:
        self.code += bytes(codes)

    def load(self, address: int, kind: str, offset: int) -> None:
        self.get(address)
        code, alignment = LOAD[stacked(kind)]
        self.code += bytes([code, alignment]) + unsigned(offset)

    def store(self, kind: str, offset: int = 0) -> None:
        code, alignment = STORE[stacked(kind)]
        self.code += bytes([code, alignment]) + unsigned(offset)

    def add(self, local: int, other: int) -> None:
        """local += other, another local."""
        self.get(local)
        self.get(other)
        self.op(CODE["i32"]["add"])
        self.set(local)

    def advance(self, local: int, by: int) -> None:
        self.get(local)
        self.number(by)
        self.op(CODE["i32"]["add"])
        self.set(local)

    def loop(self, count: int, body: Callable[[int], None]) -> None:
        """body(t) for t = 0 … count - 1."""
        t = self.new("i32")
        self.number(0)
        self.set(t)
        self.op(0x02, 0x40, 0x03, 0x40)  # block, loop
        self.get(t)
        self.get(count)
        self.op(CODE["i32"]["ge"], 0x0D, 1)
        body(t)
        self.advance(t, 1)
        self.op(0x0C, 0, 0x0B, 0x0B)

    # Nodes

    def emit(self, each: Node) -> None:
        if each in self.places:
            self.get(self.places[each])
        elif each.operation == "const":
            self.const(value(each), each.type)
        elif each.operation == "part":
            self.get(self.places[each.operands[0], each.data])
        else:
            self._compute(each)

    def const(self, number: Any, kind: str) -> None:
        match stacked(kind):
            case "f64":
                self.code += b"\x44" + struct.pack("<d", number)
            case "f32":
                self.code += b"\x43" + struct.pack("<f", number)
            case whole:
                width = 64 if whole == "i64" else 32
                n = int(number) & (2**width - 1)
                self.code += (b"\x42" if whole == "i64" else b"\x41") + signed(n - (n >> (width - 1) << width))

    def _compute(self, each: Node) -> None:
        operands, kind = each.operands, each.operands[0].type
        match each.operation:
            case "select":
                self._push(operands[1], operands[2], operands[0])
                self.op(0x1B)
            case "max" | "min" if kind not in FLOATS:
                a, b = (self.keep(operand) for operand in operands)
                for local in (a, b, a, b):
                    self.get(local)
                self.op(CODE[kind]["gt" if each.operation == "max" else "lt"], 0x1B)
            case "neg" if kind not in FLOATS:
                self.const(0, kind)
                self._push(*operands)
                self.op(CODE[kind]["sub"])
            case "not" if kind == "bool":
                self._push(*operands)
                self.op(0x45)
            case "not":
                self._push(*operands)
                self.const(-1, kind)
                self.op(CODE[kind]["xor"])
            case "convert":
                self._push(*operands)
                self.code += converted(kind, each.type)
            case "bitcast":
                self._push(*operands)
                self.code += BITS.get((stacked(kind), stacked(each.type)), b"")
            case "look":
                self._push(*operands)
                self.number(2)
                self.op(CODE["i32"]["shl"], *LOAD["i32"])
                self.code += unsigned(self.module.table(each.data))
            case operation:
                self._push(*operands)
                self.op(CODE[kind][operation])

    def _push(self, *nodes: Node) -> None:
        for each in nodes:
            self.emit(each)

    def keep(self, each: Node) -> int:
        local = self.new(each.type)
        self.emit(each)
        self.set(local)
        return local

    def region(self, plan: Plan, region: Any) -> None:
        """The named nodes of a region, into locals."""
        for each in plan.body.get(region, ()):
            if each.operation == "if":
                self._if(plan, each)
            elif each.operation == "call":
                self._push(*each.operands)
                self.code += b"\x10" + unsigned(self.module.function(each.data))
                for k in reversed(range(FUNCTIONS[each.data].results)):
                    self.places[each, k] = self.new("f64")
                    self.set(self.places[each, k])
            else:
                self._compute(each)
                self.places[each] = self.new(each.type)
                self.set(self.places[each])

    def _if(self, plan: Plan, each: Node) -> None:
        wanted = plan.wanted(each)
        for k in wanted:
            self.places[each, k] = self.new(each.operands[1][k].type)
        self.emit(each.operands[0])
        self.op(0x04, 0x40)
        for side in (1, 2):
            if side == 2:
                self.op(0x05)
            self.region(plan, (each, side))
            self.assign([self.places[each, k] for k in wanted], [each.operands[side][k] for k in wanted])
        self.op(0x0B)
        self._set = None

    def assign(self, locals_: Sequence[int], nodes: Sequence[Node]) -> None:
        """All at once: every value is computed before one is overwritten."""
        self._push(*nodes)
        for local in reversed(locals_):
            self.set(local)

    def bytes(self) -> bytes:
        groups: list[list[Any]] = []
        for kind in self.types[self.arguments :]:
            if groups and groups[-1][1] == kind:
                groups[-1][0] += 1
            else:
                groups.append([1, kind])
        declared = sequence([unsigned(count) + bytes([VALUE[kind]]) for count, kind in groups])
        body = declared + bytes(self.code) + b"\x0b"
        return unsigned(len(body)) + body


class Module:
    """Functions, those that are called by name among them, and the tables that they look into."""

    def __init__(self) -> None:
        self.functions: list[tuple[tuple[str, ...], tuple[str, ...], Code]] = []
        self.exports: list[tuple[str, int]] = []
        self._called: dict[str, int] = {}
        self._tables: dict[str, int] = {}

    def add(self, code: Code, arguments: Sequence[str], results: Sequence[str], export: str = "") -> int:
        self.functions.append((tuple(map(stacked, arguments)), tuple(map(stacked, results)), code))
        if export:
            self.exports.append((export, len(self.functions) - 1))
        return len(self.functions) - 1

    def function(self, name: str) -> int:
        """The number of an elementary function; those that it calls come before it."""
        if name not in self._called:
            about = FUNCTIONS[name]
            for each in in_order(about.outputs):
                if each.operation == "call":
                    self.function(each.data)
            code = Code(self, ["f64"] * about.arguments)
            plan = Plan(about.outputs, looped=False)
            code.places = {each: each.data for each in plan.order if each.operation == "argument"}
            code.region(plan, WITHIN)
            for each in about.outputs:
                code.emit(each)
            self._called[name] = self.add(code, ["f64"] * about.arguments, ["f64"] * about.results)
        return self._called[name]

    def table(self, name: str) -> int:
        """The address of a table."""
        if name not in self._tables:
            self._tables[name] = sum(TABLES[other].nbytes for other in self._tables)
        return self._tables[name]

    def bytes(self) -> bytes:
        kinds = list(dict.fromkeys((arguments, results) for arguments, results, _ in self.functions))
        codes = [code.bytes() for _, _, code in self.functions]
        types = [b"\x60" + sequence([bytes([VALUE[a]]) for a in arguments]) + sequence([bytes([VALUE[r]]) for r in results])
                 for arguments, results in kinds]  # fmt: skip
        exports = [text("memory") + b"\2\0", *(text(name) + b"\0" + unsigned(at) for name, at in self.exports)]
        out = b"\0asm\1\0\0\0" + section(1, sequence(types))
        out += section(3, sequence([unsigned(kinds.index(each[:2])) for each in self.functions]))
        out += section(5, sequence([b"\0\1"])) + section(7, sequence(exports)) + section(10, sequence(codes))
        data = [b"\0\x41" + signed(at) + b"\x0b" + sequence([bytes([byte]) for byte in TABLES[name].tobytes()])
                for name, at in self._tables.items()]  # fmt: skip
        return out + (section(11, sequence(data)) if data else b"")


# ---------------------------------------------------------------------------------------------------------------------
# The three functions of a program


def written(program: Program) -> bytes:
    module = Module()
    _clock(module, program)
    _path(module, program)
    _read(module, program)
    return module.bytes()


class _Loop(NamedTuple):
    """A function with a loop over a state: what is loaded before it and at every step."""

    code: Code
    plan: Plan

    @classmethod
    def of(cls, module: Module, arguments: int, begin: Sequence[Node], body: Sequence[Node], loads: dict[str, int],
           program: Program) -> "_Loop":  # fmt: skip
        """`loads` gives the argument with the address of the numbers and, where there is one, of the start."""
        code = Code(module, ["i32"] * arguments)
        offsets = {name: (loads["numbers"], 8 * k, kind) for k, (name, kind) in enumerate(program.numbers)}
        if "start" in loads:
            offsets |= {name: (loads["start"], 8 * k, kind) for k, (name, kind) in enumerate(program.start)}
        for each in in_order([*begin, *body]):
            if each.operation == "param" and each not in code.places:
                address, offset, kind = offsets[each.data]
                code.load(address, kind, offset)
                code.places[each] = code.new(kind)
                code.set(code.places[each])
        return cls(code, Plan(body, looped=True))

    def begin(self, states: Sequence[Node]) -> list[int]:
        """The first state, into locals of its own."""
        kept = dict(self.code.places)
        self.code.region(Plan(states, looped=False), WITHIN)
        locals_ = [self.code.new(each.type) for each in states]
        self.code.assign(locals_, states)
        self.code.places = kept
        return locals_

    def leaves(self, operation: str) -> list[Node]:
        return [each for each in self.plan.order if each.operation == operation]


def _state(code: Code, plan: Plan, locals_: Sequence[int]) -> None:
    code.places |= {each: locals_[each.data] for each in plan.order if each.operation == "state"}


def _clock(module: Module, program: Program) -> None:
    NUMBERS, RATES, STRIDE, ROWS, COUNT = range(5)
    body = [*program.row, *program.clock_step]
    loop = _Loop.of(module, 5, program.clock_begin, body, {"numbers": NUMBERS}, program)
    code, plan = loop
    states = loop.begin(program.clock_begin)
    _state(code, plan, states)
    code.region(plan, BEFORE)
    offsets = {name: 8 * k for k, (name, _) in enumerate(program.rates)}

    def once(t: int) -> None:
        code.places |= {each: t for each in loop.leaves("step")}
        for each in loop.leaves("rate"):
            code.load(RATES, each.type, offsets[each.data])
            code.places[each] = code.new(each.type)
            code.set(code.places[each])
        code.region(plan, WITHIN)
        for k, each in enumerate(program.row):
            code.get(ROWS)
            code.emit(each)
            code.store(each.type, 8 * k)
        code.assign(states, program.clock_step)
        code.add(RATES, STRIDE)
        code.advance(ROWS, 8 * len(program.row))

    code.loop(COUNT, once)
    module.add(code, ["i32"] * 5, [], "clock")


def _path(module: Module, program: Program) -> None:
    NUMBERS, START, ROWS, STRIDE, OUT, PLANE, STEPS = range(7)
    loop = _Loop.of(
        module, 7, program.begin, [*program.step, program.sound], {"numbers": NUMBERS, "start": START}, program
    )
    code, plan = loop
    states = loop.begin(program.begin)
    _state(code, plan, states)
    sound = code.new("i32")
    code.number(1)
    code.set(sound)
    planes = [OUT]
    for _ in range(2):
        planes.append(code.new("i32"))
        code.get(planes[-2])
        code.get(PLANE)
        code.op(CODE["i32"]["add"])
        code.set(planes[-1])

    def record() -> None:
        for address, local, each in zip(planes, states, program.begin, strict=False):
            code.get(address)
            code.get(local)
            code.code += converted(each.type, "f64")
            code.store("f64")
            code.advance(address, 8)

    def once(t: int) -> None:
        code.places |= {each: t for each in loop.leaves("step")}
        for each in loop.leaves("row"):
            code.load(ROWS, each.type, 8 * each.data)
            code.places[each] = code.new(each.type)
            code.set(code.places[each])
        code.region(plan, WITHIN)
        code.get(sound)
        code.emit(program.sound)
        code.op(CODE["i32"]["and"])
        code.set(sound)
        code.assign(states, program.step)
        record()
        code.add(ROWS, STRIDE)

    record()
    code.region(plan, BEFORE)
    code.loop(STEPS, once)
    code.get(sound)
    module.add(code, ["i32"] * 7, ["i32"], "path")


def _read(module: Module, program: Program) -> None:
    NUMBERS, POINTS, PLANE, OUT, COUNT = range(5)
    code, plan = loop = _Loop.of(module, 5, (), program.readings, {"numbers": NUMBERS}, program)
    second = code.new("i32")
    code.get(POINTS)
    code.get(PLANE)
    code.op(CODE["i32"]["add"])
    code.set(second)
    columns = [OUT, *(code.new("i32") for _ in program.readings[1:])]
    for k, column in enumerate(columns[1:]):
        code.get(columns[k])
        code.get(PLANE)
        code.op(CODE["i32"]["add"])
        code.set(column)
    code.region(plan, BEFORE)

    def once(t: int) -> None:
        for each in loop.leaves("state"):
            code.load((POINTS, second)[each.data], "f64", 0)
            code.code += converted("f64", each.type)
            code.places[each] = code.new(each.type)
            code.set(code.places[each])
        code.region(plan, WITHIN)
        for column, each in zip(columns, program.readings, strict=True):
            code.get(column)
            code.emit(each)
            code.code += converted(each.type, "f64")
            code.store("f64")
            code.advance(column, 8)
        code.advance(POINTS, 8)
        code.advance(second, 8)

    code.loop(COUNT, once)
    module.add(code, ["i32"] * 5, [], "read")
