#!/usr/bin/env python3
"""docs/console.md shows what the programs print: each of its blocks is printed again here, and compared line by line once
names, numbers and times are masked. `console_doc_test.py --write` puts what is printed now into the file.
"""
import pathlib
import re
import subprocess
import sys

import lab as it
from console_test import LIVE, LOG, OnTerminal
from tmux import Terminal

FILE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "console.md"
BLOCK = re.compile(r"(<!-- printed: (.*?) -->\n```text\n)(.*?)(```\n)", re.S)
MASKS = [
    (r"0x[0-9A-Fa-f]{40}", "ADDRESS"), (r"\b[0-9a-f]{10,64}\b", "ID"), (r"\b\d{4}-\d\d-\d\d\b", "DATE"),
    (r"\d\d:\d\d(:\d\d)?", "TIME"), (r"/etc/vigil|/\S*/vigil-e2e-\w+", "FOLDER"), (r"(127\.0\.0\.1):\d+", r"\1:PORT"),
    (r"(cpu0 +)\S.*?( \(cpu )[^)]*\)", r"\1NAME\2KERNEL)"), (r"^(cpu0 ).*?( [\d.]+ [kMGT]?H/s)", r"\1NAME\2"),
    (r"[\d.]+ [kMGT]?H/s", "RATE"), (r" \(baseline RATE\)", ""), (r"[\d.]+ \(15m\)", "MEAN (15m)"), (r"( [✓✗–·…])+", " MARKS"),
    (r" · \d+ °C( \d+ W)?", ""), (r"\bspot: missed", "hourly: missed"), (r"\d[\d,.]*", "N"), (r" +", " "),
]


def masked(text):
    """The different lines of a text, without what differs from run to run."""
    lines = set()
    for line in text.splitlines():
        for pattern, word in MASKS:
            line = re.sub(pattern, word, line)
        lines.add(line.rstrip())
    return lines


def on_terminal(lab):
    verifier = lab.verifier(policy_text=it.policy("mynet", day_ms=144_000)).start()
    terminal = Terminal(lab, width=120)
    node = OnTerminal(lab, verifier, terminal, "node")
    terminal.wait("a check passed", lambda: any("roll call passed" in line for line in node.lines()), 90)
    lines = node.lines()
    first = next(i for i, line in enumerate(lines) if line.startswith("vigil-node 0"))
    end = next(i for i, line in enumerate(lines) if i > first and LOG.match(line))
    passed = next(line for line in lines if "roll call passed" in line)
    live = terminal.wait("an idle live line", lambda: next(
        (line for line in node.lines() if LIVE.match(line) and "(15m)" in line and " call " not in line
         and " check ·" not in line), None), 60)
    printed = {"banner": lines[first:end] + ["…", passed, live]}
    node.press("?", "Ctrl-C  stop")
    printed["keys"] = [line for line in node.lines() if line.startswith(("Keys:", "      "))]
    terminal.keys("C-c")
    terminal.wait("its end", lambda: node.node.status() is None, 30)
    return printed


def doctor(lab):
    file = lab.place / "node.toml"
    file.write_text("dutty = 80\ntemp_stop = 500\n")
    code, out, err = it.run_program("NODE", "doctor", "--config", file, "--data-dir", lab.place / "none", "--backends", "cpu",
                                    "--cpu-threads", 1, "--http-port", 0)
    it.check(code == 1, f"a broken setting fails: {code}\n{out}{err}")
    lines = out.replace(str(lab.place), "/etc/vigil").splitlines()
    return [line for line in lines if re.match(r"\w+ +config", line)] + [lines[-1]]


def books(lab):
    """A network of six short days in virtual time: its first node is honest, its second stays away."""
    data = lab.place / "books"
    data.mkdir()
    subprocess.run([it.program("SIMULATED_STORE"), data / "vigil.db", "1"], check=True, timeout=240)
    code, out, err = it.run_program("VERIFIER", "devices", "--data-dir", data, "-o", "json")
    it.check(code == 0, err)
    device = {}
    for line in re.finditer(r'"device_id": "(\w+)",\s+"node": "([\w ]+)"', out):
        device.setdefault(line[2], line[1])

    def says(*words):
        code, out, err = it.run_program("VERIFIER", *words, "--data-dir", data)
        it.check(code == 0, f"{words}: {err}")
        return out.splitlines()
    return {"explain": says("explain", "--device", device["node 2"][:12], "--day", 14_000_002),
            "whatif": says("whatif", "--device", device["node 3"][:12], "--day", 14_000_006, "--offline",
                           "00:00:33-00:00:49")}


def test(lab):
    printed = {**on_terminal(lab), "doctor": doctor(lab), **books(lab)}
    text = FILE.read_text()
    if "--write" in sys.argv:
        FILE.write_text(BLOCK.sub(lambda m: m[1] + "".join(f"{line}\n" for line in printed[m[2]]) + m[4], text))
        return
    blocks = {m[2]: m[3] for m in BLOCK.finditer(text)}
    it.check(set(blocks) == set(printed), f"the blocks of {FILE.name}: {sorted(blocks)}, printed: {sorted(printed)}")
    for name, block in blocks.items():
        shown, now = masked(block), masked("\n".join(printed[name]))
        it.check(shown == now, f"{FILE.name} shows of {name} what is not printed:\n  " + "\n  ".join(sorted(shown - now)) +
                 "\nand not what is:\n  " + "\n  ".join(sorted(now - shown)) + "\n(--write renews it)")


if __name__ == "__main__":
    it.run(test)
