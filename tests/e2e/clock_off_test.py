#!/usr/bin/env python3
"""A node whose clock is an hour off warns of it and passes its checks: verdicts use the verifier's clock (protocol 1.4)."""
import shutil

import lab as it


def test(lab):
    faketime = shutil.which("faketime")
    if not faketime:
        raise it.Skip("there is no faketime here (Debian: faketime)")
    verifier = lab.verifier(policy_text=it.policy("clocks")).start()
    for offset, words in (("+1h", "ahead of"), ("-1h", "behind")):
        node = lab.node(verifier, name=f"clock{offset}", under=[faketime, "-f", offset],
                        environment={"FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"}).start()
        node.wait_connected()
        it.wait_for("the warning", lambda node=node, words=words: node.has_said(words), 40)
        line = next(line for line in node.output().splitlines() if words in line)
        for word in ("clock", "3600", "timedatectl"):
            it.check(word in line, f"the warning lacks {word!r}: {line}")
        it.wait_for("a passed check that counts", lambda node=node: verifier.value(
            "SELECT count(*) FROM verdicts v JOIN devices d ON d.bucket = v.bucket AND d.number = v.device"
            " JOIN nodes n ON n.bucket = d.bucket AND n.number = d.node WHERE n.name = ? AND v.verdict = 1"
            " AND v.kind <> 4", node.name), 90)
        it.say(f"clock {offset}: only a warning: {line[:160]}")
        node.stop()


if __name__ == "__main__":
    it.run(test)
