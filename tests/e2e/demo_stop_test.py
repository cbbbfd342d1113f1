#!/usr/bin/env python3
"""Ctrl-C ends a demo without a process or a directory left behind; so does a kill, but for the directory. As many
descriptors as any system gives are enough for it."""
import os
import pathlib
import re
import signal

import lab as it


def processes_of(directory):
    """Command lines of processes that name this directory."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(directory) in command:
            found.append(command)
    return found


def begin(lab, name):
    demo = it.Process(lab, name, [it.program("VERIFIER"), "demo", "--http-port", "0", "--node-program",
                                  it.program("NODE")], environment={"TMPDIR": str(lab.place)},
                      under=("prlimit", "--nofile=1024:1024")).start()
    found = it.wait_for("the demo's directory", lambda: re.search(r"^files\s+(\S+)$", demo.output(), re.M), 30)
    directory = pathlib.Path(found.group(1))
    it.wait_for("the demo's nodes", lambda: len(processes_of(directory)) >= 4, 60)
    it.check("files and connections" not in demo.output(), f"a warning of too few descriptors:\n{demo.output()}")
    return demo, directory


def test(lab):
    demo, directory = begin(lab, "demo")
    os.killpg(demo.process.pid, signal.SIGINT)  # as a terminal does: to everybody
    it.check(demo.wait(30) == 130, f"exit code {demo.process.returncode}")
    it.check(not processes_of(directory), f"processes are left: {processes_of(directory)}")
    it.check(not directory.exists(), f"{directory} is left")

    demo, directory = begin(lab, "killed")
    demo.kill()
    it.wait_for("its nodes ending with it", lambda: not processes_of(directory), 15)


if __name__ == "__main__":
    it.run(test)
