#!/usr/bin/env python3
"""vigil-load against the real verifier, each profile: nothing is lost, what is missing from a store is told with exit code 1."""
import json
import shutil
import sqlite3

import lab as it


def sized(nodes, seconds, devices=4):
    return "--self", "--nodes", nodes, "--devices", devices, "--slot-ms", 3000, "--seconds", seconds, "-o", "json"


SMALL = sized(30, 2)
LONGER = sized(30, 2, devices=60)  # a check keeps them busy for a second: few are waited for


def load(profile, *arguments, expect=0):
    code, out, err = it.run_program("LOAD", profile, *arguments, timeout=240)
    it.check(code == expect, f"vigil-load {profile} ended with {code}, expected {expect}:\n{out}{err}")
    return json.loads(out) if out.startswith("{") else out


def compare(receipts, store, expect):
    return load("compare", "--receipts", receipts, "--store", store, expect=expect)


def test(lab):
    receipts = lab.place / "receipts"
    found = load("steady", *LONGER, "--program", it.program("VERIFIER"), "--data-dir", lab.place / "own", "--receipts", receipts)
    it.check(found["answers"] >= 60, f"only {found['answers']} answers")
    # Verdicts follow their receipts, so the last ones may still be on their way when the run ends.
    # On a slow machine the load may have to leave a check out, which all its devices then missed.
    failed = {key for key in found if key.startswith("verdict_")} - {"verdict_passed", "verdict_void", "verdict_missed"}
    it.check(found.get("verdict_passed", 0) > 0 and not failed, f"not every answer passed: {found}")
    it.check(found.get("verdict_missed", 0) <= found["checks_unanswered"] * 30 * 60, f"an answered check was missed: {found}")
    it.check(found["compared"] == found["receipts"] == found["stored"] > found["answers"], f"not all compared: {found}")
    it.check(found["missing"] == found["other_time"] == found["wrong_signed"] == found["never_replied"] == 0, str(found))
    it.check(found["server_cpu_us"] > 10 and found["receipt_p50_ms"] > 0, f"nothing was measured: {found}")
    it.say(f"{found['answers']} answers, all in the store")

    store = lab.place / "own" / "data" / "vigil.db"
    compare(receipts, store, expect=0)
    other = lab.place / "other.db"
    shutil.copy(store, other)
    for change, words in (("DELETE FROM answers WHERE rowid = (SELECT max(rowid) FROM answers)", "1 missing, 0 with"),
                          ("UPDATE answers SET received_ms = received_ms + 1 WHERE rowid IN (SELECT rowid FROM answers"
                           " ORDER BY rowid LIMIT 2)", "1 missing, 2 with another time")):
        with sqlite3.connect(other) as db:
            db.execute(change)
        told = compare(receipts, other, expect=1)
        it.check(words in told, f"not told: {words!r} in {told}")
    forged = lab.place / "forged"
    lines = receipts.read_text().splitlines()
    lines[1] = lines[1][:-2] + ("00" if lines[1][-2:] != "00" else "01")
    forged.write_text("\n".join(lines) + "\n")
    told = compare(forged, store, expect=1)
    it.check("1 wrongly signed" in told, f"a forged receipt passes: {told}")
    it.say("a missing answer, another time and a forged receipt are told")

    slow = load("steady", *LONGER, "--program", it.program("VERIFIER"), "--fsync-delay-ms", 60)
    it.check(slow["receipt_p50_ms"] >= 60, f"an fsync of 60 ms took {slow['receipt_p50_ms']} ms")
    called = load("roll-call", *SMALL, "--program", it.program("VERIFIER"), "--streams", 18)
    it.check(called["answers"] == 30 and called["devices"] == 120 and called["streams"] == 18, str(called))
    it.check(called["never_replied"] == called["missing"] == 0, f"a roll call lost answers: {called}")
    back = load("reconnect-storm", *SMALL, "--program", it.program("VERIFIER"))
    it.check(back["streams"] == 30 and back["broken_streams"] == 0, str(back))
    slow = load("slow-readers", *LONGER, "--program", it.program("VERIFIER"))
    it.check(slow["before_answers"] > 0 and slow["beside_answers"] > 0 and slow["slow_unreplied"] == slow["missing"] == 0,
             f"slow readers cost answers: {slow}")
    mixed = load("mixed", *LONGER, "--program", it.program("VERIFIER"))
    it.check(mixed["mixed_answers"] > 0 and mixed["queries_a_second"] > 0 and mixed["queries_failed"] == mixed["missing"] == 0,
             f"queries and answers beside each other: {mixed}")
    many = load("idle", *sized(150, 1), "--program", it.program("VERIFIER"))
    it.check(many["streams"] == 150 and many["broken_streams"] == 0 and many["rss_a_stream_kb"] > 0, str(many))
    threads = [one["server_threads"] for one in (found, back, many)]
    # gRPC has a thread more or less by what it just did.
    it.check(max(threads) - min(threads) <= 3, f"threads of 30, 30 and 150 streams: {threads}")
    polled = load("polling", *SMALL, "--program", it.program("VERIFIER"), "--streams", 0)
    it.check(polled["polls_a_second"] > 15 and polled["server_cpu_us"] > 0, f"30 nodes that ask once a second: {polled}")
    begun = load("fleet-start", *SMALL, "--program", it.program("VERIFIER"))
    it.check(begun["reached"] == 30 and begun["handed_over_ms"] > 0, f"a check did not reach all, or nobody observed it: {begun}")
    it.say(f"{threads[0]:.0f} threads with 30 streams and with 150")


if __name__ == "__main__":
    it.run(test)
