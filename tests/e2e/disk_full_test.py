#!/usr/bin/env python3
"""A verifier whose disk is full refuses answers as `unavailable`, says so, loses nothing, and recovers by itself."""
import json
import os
import subprocess

import lab as it


def small_disk(lab):
    place = lab.place / "disk"
    place.mkdir()
    if os.geteuid() != 0:
        raise it.Skip("a small file system can only be mounted by root")
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m,mode=0700", "vigil-test", str(place)],
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise it.Skip(f"a small file system cannot be mounted here: {done.stderr.strip()}")
    lab.leaving.callback(subprocess.run, ["umount", "-l", str(place)], check=False)
    return place


def fill(place):
    """Every last block; the file to be removed."""
    filler = place / "filler"
    with open(filler, "wb", buffering=0) as file:
        size = 1 << 20
        while size >= 512:
            try:
                if file.write(b"\0" * size) < size:
                    size //= 2
            except OSError:
                size //= 2
    return filler


def test(lab):
    place = small_disk(lab)
    verifier = lab.verifier(data=place / "verifier", policy_text=it.policy(
        "small", day_ms=24_000, slots_per_window=2, roll_call_k=64, roll_call_work_ms=300, roll_call_slack_ms=1500,
        hourly_k=16, hourly_work_ms=200, hourly_slack_ms=1500, spot_per_window=0, calibration_work_ms=200,
        calibration_slack_ms=1500)).start()
    receipts = lab.place / "receipts"
    people = it.Process(lab, "crowd", [it.program("CROWD"), "--address", verifier.address, "--ca", verifier.certificate,
                                       "--receipts", receipts, "--nodes", 5, "--delay-ms", 300]).start()

    def kept():
        return len(receipts.read_text().splitlines()) if receipts.exists() else 0

    it.wait_for("receipts", lambda: kept() > 10, 60)
    filler = fill(place)
    refused = 'vigil_verifier_answers_rejected_total{reason="unavailable"}'

    def unavailable():
        _, text = it.http_get(verifier.http_port, "/metrics")
        return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(refused))

    it.wait_for("answers being refused as unavailable", lambda: unavailable() > 0, 60)
    it.wait_for("not being ready", lambda: it.http_get(verifier.http_port, "/readyz")[0] == 503, 30)
    it.check(it.http_get(verifier.http_port, "/healthz")[0] == 200, "it lives: a restart would not help")
    it.say(f"full: /readyz says {it.http_get(verifier.http_port, '/readyz')[1].strip()!r}, {unavailable():.0f} refused")
    it.wait_for("the log naming the cause", lambda: "full" in verifier.output() and "free space" in verifier.output(), 30)

    filler.unlink()
    before = kept()
    it.wait_for("being ready again", verifier.ready, 30)
    it.wait_for("receipts again", lambda: kept() > before + 10, 60)
    closed = verifier.value("SELECT max(window_index) FROM closed_windows")
    it.wait_for("windows closing again", lambda: verifier.value("SELECT max(window_index) FROM closed_windows") > closed, 60)
    it.check(people.stop() == 0 and verifier.stop() == 0, "both end")
    it.check(json.loads(people.output().splitlines()[-1])["wrong_receipts"] == 0, "receipts are genuine")
    stored = {row[0].hex() for row in verifier.rows("SELECT id FROM answers")}
    for line in receipts.read_text().splitlines():
        it.check(json.loads(line)["answer"] in stored, f"a receipted answer is lost: {line}")
    verifier.audit()


if __name__ == "__main__":
    it.run(test)
