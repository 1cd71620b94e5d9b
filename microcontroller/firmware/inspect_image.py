"""Bounds the stack of functions of a linked image, and looks for a heap.

arm-none-eabi-objdump -d --no-show-raw-insn IMAGE | python inspect_image.py FUNCTION...
riscv64-unknown-elf-objdump -d --no-show-raw-insn IMAGE | python inspect_image.py FUNCTION...

Prints `FUNCTION_stack_bound BYTES` for each, and `heap_functions 0`; exit status 1 if the image
holds a function of the heap, or does something with the stack that has no bound.
"""

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

# Calls through a pointer: the recognizer calls the model so, and nothing else does.
_CALLED_BY_POINTER = "pskd_plain_invoke"
_HEAP = re.compile(r"_?(malloc|calloc|realloc|free)(_r)?|_?_?sbrk(_r)?|operator new.*")
_FUNCTION = re.compile(r"^([0-9a-f]+) <(.+)>:$")
_INSTRUCTION = re.compile(r"^\s*([0-9a-f]+):\s+(\S+)\s*(.*)$")
_BRANCH = re.compile(r"^bl?x?(eq|ne|cs|cc|mi|pl|vs|vc|hi|ls|ge|lt|gt|le)?(\.[nw])?$")


@dataclass
class Function:
    """What one function does to the stack.

    Attributes:
        name: Its symbol.
        start: Its address.
        own: Bytes that its instructions take from the stack, all branches added up.
        targets: Addresses that it calls or jumps to.
        by_pointer: Whether it calls through a pointer.
        unbounded: An instruction that takes an amount which cannot be read.
    """

    name: str
    start: int
    own: int = 0
    targets: set[int] = field(default_factory=set)
    by_pointer: bool = False
    unbounded: str = ""


def read_functions(disassembly: str) -> list[Function]:
    """Reads `objdump -d`.

    Args:
        disassembly: Its text, of Arm Thumb or RISC-V code; the line `file format` tells which.

    Returns:
        The functions in order of address.
    """
    is_riscv = re.search(r"file format elf\d+-\w*riscv", disassembly) is not None
    read_instruction = _read_riscv if is_riscv else _read_thumb
    functions: list[Function] = []
    for line in disassembly.splitlines():
        if header := _FUNCTION.match(line):
            functions.append(Function(header[2], int(header[1], 16)))
        elif functions and (found := _INSTRUCTION.match(line)):
            read_instruction(functions[-1], found[2], found[3])
    return sorted(functions, key=lambda function: function.start)


def _read_riscv(function: Function, name: str, operands: str) -> None:
    operands = operands.split("#")[0].strip()
    if amount := re.fullmatch(r"sp,sp,(-?\d+)", operands):
        function.own += max(0, -int(amount[1]))
    elif re.match(r"sp,", operands) and not name.startswith(("sw", "sh", "sb", "fsw", "b")):
        function.unbounded = f"{name} {operands}"
    elif target := re.search(r"\b([0-9a-f]+) <", operands):
        function.targets.add(int(target[1], 16))
    elif name == "jalr" or (
        # The library's own jumps, with names of two underscores, are those of a switch.
        name == "jr" and operands not in ("ra", "t0") and not function.name.startswith("__")
    ):
        function.by_pointer = True


def _read_thumb(function: Function, name: str, operands: str) -> None:
    operands = re.split(r"\s*[@;]", operands)[0].strip()
    base = name.split(".")[0]
    pushes = base in ("push", "vpush")
    if pushes or (base in ("stmdb", "vstmdb") and operands.startswith("sp!")):
        function.own += _register_bytes(operands)
    elif base in ("sub", "subs", "subw") and re.match(r"sp\b", operands):
        if amount := re.search(r"#(\d+)$", operands):
            function.own += int(amount[1])
        else:
            function.unbounded = f"{name} {operands}"
    elif amount := re.search(r"\[sp, #-(\d+)\]!", operands):
        function.own += int(amount[1])
    elif re.match(r"(mov|ldr|msr)", base) and re.match(r"(sp|msp|psp)\b", operands, re.IGNORECASE):
        function.unbounded = f"{name} {operands}"
    elif base in ("blx", "bx") and operands != "lr":
        function.by_pointer = True
    elif _BRANCH.match(name) and (target := re.match(r"(?:0x)?([0-9a-f]+)\b", operands)):
        function.targets.add(int(target[1], 16))


def _register_bytes(operands: str) -> int:
    total = 0
    for part in re.search(r"\{(.*)\}", operands)[1].split(","):
        ends = re.findall(r"([rsd])(\d+)", part)
        width = 8 if ends and ends[0][0] == "d" else 4
        total += width * (int(ends[-1][1]) - int(ends[0][1]) + 1 if len(ends) == 2 else 1)
    return total


def stack_bound(functions: Sequence[Function], name: str) -> int:
    """Adds up the deepest chain of calls; no interrupt is counted.

    Args:
        functions: From `read_functions`.
        name: The function that is called.

    Returns:
        Bytes below its caller's frame.

    Raises:
        ValueError: There is no such function, it may call itself, or takes an unknown amount.
    """
    by_name = {function.name: function for function in functions}
    known: dict[int, int] = {}

    def owner(address: int) -> Function | None:
        return max(
            (one for one in functions if one.start <= address),
            key=lambda one: one.start,
            default=None,
        )

    def bound(function: Function, chain: tuple[str, ...]) -> int:
        if function.name in chain:
            raise ValueError(f"recursion: {' > '.join((*chain, function.name))}")
        if function.unbounded:
            raise ValueError(f"unknown amount in {function.name}: {function.unbounded}")
        if function.start not in known:
            called = [owner(target) for target in function.targets]
            if function.by_pointer:
                called.append(by_name[_CALLED_BY_POINTER])
            depths = [
                bound(one, (*chain, function.name)) for one in called if one and one is not function
            ]
            known[function.start] = function.own + max(depths, default=0)
        return known[function.start]

    if name not in by_name:
        raise ValueError(f"no function {name}")
    return bound(by_name[name], ())


def main() -> int:
    """Reads the disassembly from the standard input."""
    functions = read_functions(sys.stdin.read())
    heap = sorted(one.name for one in functions if _HEAP.fullmatch(one.name))
    for name in sys.argv[1:]:
        print(f"{name}_stack_bound {stack_bound(functions, name)}")
    print(f"heap_functions {len(heap)}")
    if heap:
        print(f"error: the image has a heap: {', '.join(heap)}", file=sys.stderr)
    return 1 if heap else 0


if __name__ == "__main__":
    sys.exit(main())
