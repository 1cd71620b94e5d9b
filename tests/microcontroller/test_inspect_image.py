"""Bounds of the stack read from machine code, in closed form and against the compiler's own."""

import shutil
import subprocess
import sys
from runpy import run_path

import pytest

from project import MICROCONTROLLER

SCRIPT = MICROCONTROLLER / "firmware/inspect_image.py"
# What objdump prints; frames of 8 + 24 + 16 bytes, and leaves of 16 and 12.
IMAGE = """
00000100 <pskd_plain_invoke>:
     100:\tpush\t{r4, lr}
     102:\tsub\tsp, #24
     104:\tvpush\t{d8-d9}
     108:\tbl\t200 <leaf>
     10c:\tb.w\t300 <tail>

00000200 <leaf>:
     200:\tstmdb\tsp!, {r4, r5, r6, lr}
     204:\tldr.w\tr7, [sp], #4
     208:\tbx\tlr

00000300 <tail>:
     300:\tstrd\tr4, r5, [sp, #-8]!
     304:\tstr.w\tr4, [sp, #-4]!
     308:\tbne.n\t304 <tail+0x4>

00000400 <caller>:
     400:\tpush\t{r3, lr}
     402:\tblx\tr3
"""


RISCV_IMAGE = """
firmware.elf:     file format elf32-littleriscv

80000100 <pskd_plain_invoke>:
80000100:\tadd\tsp,sp,-48
80000102:\tsw\tra,44(sp)
80000104:\tadd\ta5,a5,-1366 # 2aaaa <pskd_plain_invoke+0x1>
80000108:\tjal\t80000200 <leaf>
8000010c:\tbeqz\ta0,80000300 <tail>
8000010e:\tadd\tsp,sp,48

80000200 <leaf>:
80000200:\tadd\tsp,sp,-16
80000202:\tjr\tt0

80000300 <tail>:
80000300:\tadd\tsp,sp,-32
80000302:\tj\t80000300 <tail>

80000400 <caller>:
80000400:\taddi\tsp,sp,-16
80000402:\tjalr\ta5

80000500 <__switch>:
80000500:\tjr\ta5
"""


@pytest.fixture(scope="module")
def script():
    return run_path(str(SCRIPT))


def test_the_deepest_chain_counts(script):
    functions = script["read_functions"](IMAGE)
    bound = script["stack_bound"]
    assert bound(functions, "leaf") == 16 and bound(functions, "tail") == 12
    assert bound(functions, "pskd_plain_invoke") == 48 + 16
    # Through a pointer it can only be the model.
    assert bound(functions, "caller") == 8 + 64


def test_the_same_of_riscv(script):
    functions = script["read_functions"](RISCV_IMAGE)
    bound = script["stack_bound"]
    assert bound(functions, "leaf") == 16 and bound(functions, "pskd_plain_invoke") == 48 + 32
    assert bound(functions, "caller") == 16 + 80 and bound(functions, "__switch") == 0
    functions = script["read_functions"](RISCV_IMAGE.replace("sp,sp,-16", "sp,sp,t0"))
    with pytest.raises(ValueError, match="unknown amount in leaf: add sp,sp,t0"):
        bound(functions, "pskd_plain_invoke")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("bx\tlr", "b.n\t100 <pskd_plain_invoke>", "recursion: pskd_plain_invoke > leaf > pskd"),
        ("sub\tsp, #24", "sub\tsp, r3", "unknown amount in pskd_plain_invoke"),
        ("<pskd_plain_invoke>:", "<other>:", "no function"),
    ],
)
def test_what_has_no_bound_is_an_error(script, old, new, message):
    functions = script["read_functions"](IMAGE.replace(old, new))
    with pytest.raises(ValueError, match=message):
        script["stack_bound"](functions, "pskd_plain_invoke")


@pytest.mark.parametrize("name", ["malloc", "_malloc_r", "_sbrk", "free", "calloc"])
def test_a_heap_is_found(name):
    text = IMAGE.replace("<leaf>:", f"<{name}>:")
    command = [sys.executable, SCRIPT, "caller"]
    finished = subprocess.run(command, input=text, capture_output=True, text=True)
    assert finished.returncode == 1 and f"has a heap: {name}" in finished.stderr
    finished = subprocess.run(command, input=IMAGE, capture_output=True, text=True)
    assert finished.returncode == 0
    assert finished.stdout == "caller_stack_bound 72\nheap_functions 0\n"


@pytest.mark.parametrize(
    ("prefix", "core"),
    [
        ("arm-none-eabi-", "-mcpu=cortex-m4 -mthumb -mfloat-abi=hard -mfpu=fpv4-sp-d16"),
        ("riscv64-unknown-elf-", "-march=rv32imac -mabi=ilp32 --specs=picolibc.specs"),
    ],
)
def test_frames_are_those_that_the_compiler_reports(
    script, exported, sources, tmp_path, prefix, core
):
    """-fstack-usage knows the frame of every function that we compile."""
    tools = (f"{prefix}gcc", f"{prefix}objdump")
    if absent := [tool for tool in tools if shutil.which(tool) is None]:
        pytest.skip(f"not installed: {', '.join(absent)}")
    names = ("activity_recognizer", "accelerometer_features", "segment_detector", "plain_kernels")
    names += ("plain_kernels_dsp",) if "cortex" in core else ()
    compared = 0
    for name in names:
        command = [tools[0], *core.split(), "-O2", "-std=c99", "-fno-math-errno", "-fstack-usage"]
        source = sources / "src" / f"{name}.c"
        command += [f"-I{exported}", "-c", str(source), "-o", str(tmp_path / f"{name}.o")]
        subprocess.run(command, check=True)
        listed = subprocess.run(
            [tools[1], "-d", "--no-show-raw-insn", tmp_path / f"{name}.o"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        frames = {one.name: one.own for one in script["read_functions"](listed)}
        for line in (tmp_path / f"{name}.su").read_text().splitlines():
            where, frame, kind = line.split("\t")
            # Written in assembly: the compiler knows of no frame.
            if where.endswith((":multiply_tile", ":multiply_wide_tile")):
                assert frames[where.rsplit(":", 1)[1]] == 40
                continue
            assert kind == "static" and frames[where.rsplit(":", 1)[1]] == int(frame)
            compared += 1
    assert compared >= 12
