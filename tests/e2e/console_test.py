#!/usr/bin/env python3
"""`vigil-node run` on a real terminal: the live line and log lines, its keys, and whatever ends or stops it leaves a
terminal that can be typed on. And without one: plain lines."""
import contextlib
import os
import pathlib
import re
import signal
import time

import lab as it
from tmux import PROMPT, Terminal

LIVE = re.compile(r"^cpu0 .*H/s.* · windows \S+.*· next check by \d\d:\d\d:\d\d")
LOG = re.compile(r"^\d\d:\d\d:\d\d (info|warning|error) ")


class OnTerminal:
    def __init__(self, lab, verifier, terminal, name, *more):
        self.node = lab.node(verifier, name=name)
        self.terminal = terminal
        terminal.clear()
        terminal.type(*self.node.arguments, *more)
        terminal.wait("the node being connected", self.node.connected, 40)

    def lines(self):
        return self.terminal.everything().rstrip("\n").splitlines()

    def live(self):
        """The line at the foot; it stands there once."""
        live = [line for line in self.lines() if LIVE.match(line)]
        return live[-1] if live else None

    def pid(self):
        port = str(self.node.http_port).encode()
        found = []
        for folder in pathlib.Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                words = (folder / "cmdline").read_bytes().split(b"\0") if folder.name.isdigit() else []
                if port in words and words[0].endswith(b"vigil-node"):
                    found.append(int(folder.name))
        it.check(len(found) == 1, f"one node: {found}")
        return found[0]

    def press(self, key, expected):
        self.terminal.clear()
        self.terminal.keys(key)
        self.terminal.wait(f"the key {key}", lambda: expected in self.terminal.everything())

    def device(self):
        return self.node.status()["devices"][0]


def lines_and_keys(node):
    terminal = node.terminal
    terminal.wait("the live line", node.live)
    terminal.wait("a check passed", lambda: any("roll call passed" in line for line in node.lines()), 90)
    lines = node.lines()
    banner = next(i for i, line in enumerate(lines) if line.startswith("vigil-node 0"))
    for line in lines[banner + 1:]:
        it.check(LOG.match(line) or LIVE.match(line) or line.startswith("  "),
                 f"a torn line: {line!r} in\n{terminal.everything()}")
    it.check(sum(1 for line in node.lines() if LIVE.match(line)) == 1, f"one live line:\n{terminal.everything()}")
    it.check("\x1b[32m" in terminal.screen("-e"), "it is green while connected")
    node.press("h", "10 s")
    node.press("w", "windows today")
    node.press("s", "  verifier  ")
    node.press("?", "Ctrl-C  stop")
    node.press("p", "Press y to pause")
    node.press("n", "No.")
    it.check(node.device()["paused"] is None, "another key is no yes")
    node.press("p", "Press y to pause")
    node.press("y", "Yes.")
    terminal.wait("the pause", lambda: node.device()["paused"])
    node.press("p", "Going on.")
    terminal.wait("the end of the pause", lambda: not node.device()["paused"])


def measured_again(node):
    """The same process starts anew, with the terminal handed over in order."""
    terminal, before = node.terminal, node.pid()
    node.press("r", "Press y to do it")
    terminal.keys("y")
    terminal.wait("the kernels measured again", lambda: any("is the fastest" in line for line in node.lines()), 60)
    terminal.wait("the live line of the new start", node.live, 60)
    it.check(node.pid() == before, "it is the process that the shell started")
    node.press("?", "Ctrl-C  stop")


def narrow(node):
    """What stood there while the width changed may be left once, for a terminal tells of it late; nothing is from then on."""
    def foot():
        return (node.lines() or [""])[-1]
    node.terminal.resize(50)
    node.terminal.wait("a live line of 49 columns", lambda: foot().startswith("cpu0 ") and foot().endswith("…"))
    node.terminal.clear()
    node.terminal.wait("the line on a clean terminal", lambda: foot().startswith("cpu0 "))
    time.sleep(2.5)  # some redraws
    it.check(sum(1 for line in node.lines() if line.startswith("cpu0 ") and "roll call passed" not in line) == 1
             and len(foot()) <= 49, f"one line, that fits:\n{node.terminal.everything()}")
    node.terminal.resize(110)
    node.terminal.wait("the whole line again", node.live)


def stopped_and_continued(node):
    terminal = node.terminal
    terminal.keys("C-z")
    terminal.wait("the shell's prompt", lambda: node.lines()[-1] == PROMPT.strip())
    it.check(terminal.takes_lines(), "stopped, it leaves the terminal to the shell")
    terminal.type("fg")
    terminal.wait("the live line after fg", node.live)
    node.press("?", "Ctrl-C  stop")
    terminal.keys("C-z")
    terminal.wait("the prompt again", lambda: node.lines()[-1] == PROMPT.strip())
    terminal.type("bg")
    it.check(terminal.takes_lines(), "in the background it does not touch the terminal")
    it.check(not node.live(), f"nor draws on it:\n{terminal.everything()}")
    terminal.type("fg")
    terminal.wait("the live line in the foreground", node.live)
    node.press("?", "Ctrl-C  stop")


def ended(lab, verifier, terminal, number, code):
    name = signal.Signals(number).name.lower()
    node = OnTerminal(lab, verifier, terminal, name)
    terminal.wait("the live line", node.live)
    os.kill(node.pid(), number)
    terminal.wait(f"the prompt after {name}", lambda: node.lines()[-1] == PROMPT.strip())
    it.check(number != signal.SIGTERM or not node.live(), "an ordinary end takes the live line away")
    it.check(terminal.shell("echo $?").strip() == str(code), f"the exit code of {name}")
    it.check(terminal.takes_lines(), f"{name} leaves a terminal that can be typed on")


def plain(lab, verifier):
    node = lab.node(verifier, name="piped").start().wait_connected()
    it.wait_for("a line of the log", lambda: node.has_said(" info "), 20)
    it.check(node.stop() == 0 and "\x1b" not in node.output(), "without a terminal, no escape sequence")
    dumb = Terminal(lab)
    dumb.type("export TERM=dumb")
    node = OnTerminal(lab, verifier, dumb, "dumb")
    it.check(not node.live(), "on a terminal that cannot draw, no live line")
    dumb.keys("C-c")
    dumb.wait("its end", lambda: node.lines()[-1] == PROMPT.strip())
    no_colour = Terminal(lab, environment={"NO_COLOR": "1"})
    node = OnTerminal(lab, verifier, no_colour, "no-colour")
    no_colour.wait("the live line", node.live)
    it.check("\x1b[3" not in no_colour.screen("-e"), "NO_COLOR is honoured")
    no_colour.keys("C-c")
    no_colour.wait("its end", lambda: node.lines()[-1] == PROMPT.strip())
    service = lab.node(verifier, name="service")
    service.arguments.append("--service")
    service.start().wait_connected()
    it.check(service.stop() == 0, "a service ends when asked")
    it.check(all(line[:3] in ("<3>", "<4>", "<6>") for line in service.output().splitlines()), service.output())


def test(lab):
    terminal = Terminal(lab)
    # Slots of 6 s, so that a check comes soon.
    verifier = lab.verifier(policy_text=it.policy("console", day_ms=144_000)).start()
    node = OnTerminal(lab, verifier, terminal, "node")
    lines_and_keys(node)
    measured_again(node)
    narrow(node)
    stopped_and_continued(node)
    terminal.keys("C-c")
    terminal.wait("the prompt after Ctrl-C", lambda: node.lines()[-1] == PROMPT.strip(), 40)
    it.check(terminal.shell("echo $?").strip() == "0" and terminal.takes_lines(), "Ctrl-C ends it in order")
    ended(lab, verifier, terminal, signal.SIGTERM, 0)
    ended(lab, verifier, terminal, signal.SIGSEGV, 128 + signal.SIGSEGV)
    ended(lab, verifier, terminal, signal.SIGHUP, 128 + signal.SIGHUP)
    plain(lab, verifier)


if __name__ == "__main__":
    it.run(test)
