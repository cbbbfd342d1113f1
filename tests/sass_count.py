#!/usr/bin/env python3
"""Counts the machine instructions of each CUDA kernel, with no GPU and no disassembler.

usage: sass_count.py FILE.cubin [...]
           prints the counts
       sass_count.py --gate ALU FMA FILE.cu ROOT ARCH...
           compiles with nvcc for each ARCH, prints the counts, fails where a kernel needs more than ALU instructions
           or FMA slots, touches local memory (spills) or uses more than 128 registers; exits 77 without nvcc

sm_80 and later: 16-byte instructions, the low 12 bits are the opcode. ALU = LOP3 + SHF + the other integer and logic
instructions of the ALU pipe (64 results a clock and SM); FMA slots = IMAD + 2 x IMAD.WIDE (WIDE is half rate).
The counts are static: for a fully unrolled kernel whose loop body computes one hash they are the instructions of a hash.
"""
import collections
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile

OPS = {0x012: "LOP3", 0x019: "SHF", 0x024: "IMAD", 0x025: "WIDE", 0x010: "IADD3", 0x016: "PRMT", 0x00c: "ISETP",
       0x007: "SEL", 0x002: "MOV", 0x081: "LDG", 0x086: "STG", 0x083: "LDL", 0x087: "STL", 0x084: "LDS", 0x088: "STS",
       0x182: "ULDC", 0x082: "LDC", 0x047: "BRA", 0x00e: "SHFL", 0x017: "IMNMX"}
ALU = ("LOP3", "SHF", "IADD3", "PRMT", "ISETP", "SEL", "IMNMX")
MOST_REGISTERS = 128
SKIPPED = 77


def kernels(elf):
    """The name and the code of every kernel of a cubin."""
    shoff, = struct.unpack_from("<Q", elf, 0x28)
    size, count, names = struct.unpack_from("<HHH", elf, 0x3A)

    def section(i):
        return struct.unpack_from("<IIQQQQIIQQ", elf, shoff + i * size)

    table = section(names)
    for i in range(count):
        header = section(i)
        start = table[4] + header[0]
        name = elf[start:elf.index(b"\0", start)].decode()
        if name.startswith(".text."):
            yield name[6:], elf[header[4]:header[4] + header[5]]


def instructions(code):
    counts = collections.Counter()
    for (word,) in struct.iter_unpack("<Q8x", code[:len(code) // 16 * 16]):
        opcode = word & 0xFFF
        known = OPS.get(opcode & 0x1FF) if 1 <= opcode >> 9 <= 7 else None
        counts[known or "other"] += 1
    return counts


def alu(counts):
    return sum(counts[op] for op in ALU)


def fma_slots(counts):
    return counts["IMAD"] + 2 * counts["WIDE"]


def report(path):
    """Prints the counts of a cubin's kernels and returns them."""
    out = []
    for name, code in kernels(pathlib.Path(path).read_bytes()):
        counts = instructions(code)
        out.append(counts)
        print(f"{pathlib.Path(path).name} {name}: ALU {alu(counts)}  "
              f"FMA-slots {fma_slots(counts)}  local-memory {counts['LDL'] + counts['STL']}  "
              f"all {sum(counts.values())}  " + " ".join(f"{op}={n}" for op, n in counts.most_common()))
    return out


def compiled(nvcc, source, root, architecture, cubin):
    """Compiles; the registers of each kernel, as ptxas says them."""
    done = subprocess.run([nvcc, "-std=c++17", "-O3", f"-arch={architecture}", "-I", root, "-cubin", "-o", cubin,
                           "-Xptxas", "-v", source], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr)
    return [int(n) for n in re.findall(r"Used (\d+) registers", done.stderr)]


def gate(most_alu, most_fma, source, root, architectures):
    nvcc = shutil.which("nvcc") or shutil.which("/usr/local/cuda/bin/nvcc")
    if not nvcc:
        print("SKIPPED: nvcc not found")
        return SKIPPED
    good = True
    with tempfile.TemporaryDirectory() as folder:
        for architecture in architectures:
            cubin = f"{folder}/{architecture}.cubin"
            registers = compiled(nvcc, source, root, architecture, cubin)
            found = report(cubin)
            print(f"{architecture}: registers {registers}")
            good &= bool(found) and len(registers) == len(found) and max(registers) <= MOST_REGISTERS
            good &= all(counts["LDL"] + counts["STL"] == 0 and alu(counts) <= most_alu and
                        fma_slots(counts) <= most_fma for counts in found)
    if not good:
        print(f"FAILED: wanted ALU <= {most_alu}, FMA slots <= {most_fma}, no local memory, registers <= "
              f"{MOST_REGISTERS}")
    return 0 if good else 1


def main():
    if len(sys.argv) > 6 and sys.argv[1] == "--gate":
        return gate(int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], sys.argv[5], sys.argv[6:])
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    for path in sys.argv[1:]:
        report(path)
    return 0


sys.exit(main())
