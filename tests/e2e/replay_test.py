#!/usr/bin/env python3
"""The audit agrees with an honest record, and finds and names what was changed in one."""
import shutil
import sqlite3
import subprocess

import lab as it

def change(db, sql, *parameters):
    done = db.execute(sql, parameters)
    it.check(done.rowcount == 1, f"one row is changed by {sql}, not {done.rowcount}")


def rate_of_a_verdict(db):
    bucket, window, device, kind, ref, rate = db.execute(
        "SELECT bucket, window_index, device, kind, ref, rate FROM verdicts WHERE verdict = 1 AND kind = 1"
        " ORDER BY window_index LIMIT 1 OFFSET 40").fetchone()
    change(db, "UPDATE verdicts SET rate = rate + 1 WHERE bucket = ? AND window_index = ? AND device = ? AND kind = ?"
           " AND ref = ?", bucket, window, device, kind, ref)
    return f"window {window}", f"rate: the record has {rate + 1}, the replay {rate}"


def nonce_of_an_answer(db):
    bucket, number, signed, answer = db.execute(
        "SELECT bucket, number, signed_bytes, id FROM answers ORDER BY bucket, number LIMIT 1 OFFSET 100").fetchone()
    changed = bytearray(signed)
    changed[68 + 68 + 7] ^= 1  # the last byte of the first nonce
    change(db, "UPDATE answers SET signed_bytes = ? WHERE bucket = ? AND number = ?", bytes(changed), bucket, number)
    return f"answer {answer.hex()}", "signature is not the node's"


def deleted_answer(db):
    bucket, number = db.execute("SELECT bucket, number FROM answers ORDER BY bucket, number LIMIT 1 OFFSET 50").fetchone()
    change(db, "DELETE FROM answers WHERE bucket = ? AND number = ?", bucket, number)
    return f"answer {number} of bucket {bucket} is missing"


def deleted_window(db):
    window, = db.execute("SELECT min(window_index) + 7 FROM closed_windows").fetchone()
    change(db, "DELETE FROM closed_windows WHERE window_index = ?", window)
    return f"window {window}: the record never closed it"


def deleted_outcome(db):
    bucket, window, device = db.execute(
        "SELECT bucket, window_index, device FROM windows ORDER BY window_index, bucket LIMIT 1 OFFSET 60").fetchone()
    change(db, "DELETE FROM windows WHERE bucket = ? AND window_index = ? AND device = ?", bucket, window, device)
    return f"window {window}", "its outcome: is missing in the record"


def invented_void(db):
    bucket, window, device, kind, ref = db.execute(
        "SELECT bucket, window_index, device, kind, ref FROM verdicts v WHERE verdict = 5 AND NOT EXISTS (SELECT 1 FROM"
        " voids o WHERE o.bucket = v.bucket AND o.window_index = v.window_index AND o.device = v.device AND o.kind ="
        " v.kind AND o.ref = v.ref) LIMIT 1").fetchone()
    change(db, "INSERT INTO voids VALUES (?, ?, ?, ?, ?, 'out of kindness')", bucket, window, device, kind, ref)
    return f"window {window}", "void: the record has yes, the replay no"


def balance_of_a_day(db):
    bucket, day, device, balance = db.execute(
        "SELECT bucket, day, device, balance FROM days ORDER BY day, bucket LIMIT 1 OFFSET 20").fetchone()
    richer = (int.from_bytes(balance, "big") + 1).to_bytes(16, "big")
    change(db, "UPDATE days SET balance = ? WHERE bucket = ? AND day = ? AND device = ?", richer, bucket, day, device)
    return f"day {day}", "balance: the record has"


def state_hash_of_a_day(db):
    day, = db.execute("SELECT min(day) + 1 FROM settled_days").fetchone()
    change(db, "UPDATE settled_days SET state_hash = ? WHERE day = ?", bytes(32), day)
    return f"day {day}: state_hash: the record has {bytes(32).hex()}"


def day_key(db):
    day, = db.execute("SELECT min(day) + 1 FROM day_keys").fetchone()
    change(db, "UPDATE day_keys SET day_key = ? WHERE day = ?", bytes(range(32)), day)
    return f"day {day}: its key is not the one that was committed to"


def payout_address(db):
    node, = db.execute("SELECT id FROM nodes LIMIT 1").fetchone()
    change(db, "UPDATE nodes SET payout = ? WHERE id = ?", bytes(range(20)), node)
    return f"node {node.hex()}", "payout address"


def enrolment(db):
    bucket, number, content = db.execute("SELECT bucket, number, content FROM enrolments LIMIT 1").fetchone()
    change(db, "UPDATE enrolments SET content = ? WHERE bucket = ? AND number = ?",
           bytes(content).replace(b"node ", b"mode "), bucket, number)
    return ("the signature under its enrolment is wrong",)


def receive_time(db):
    bucket, number, answer = db.execute(
        "SELECT bucket, number, id FROM answers ORDER BY bucket, number LIMIT 1 OFFSET 70").fetchone()
    change(db, "UPDATE answers SET received_ms = received_ms - 150 WHERE bucket = ? AND number = ?", bucket, number)
    return ("received: the record has",)


CASES = [rate_of_a_verdict, nonce_of_an_answer, deleted_answer, deleted_window, deleted_outcome, invented_void,
         balance_of_a_day, state_hash_of_a_day, day_key, payout_address, enrolment, receive_time]


def test(lab):
    store = lab.place / "honest.db"
    subprocess.run([it.program("SIMULATED_STORE"), store, str(lab.seed)], check=True, timeout=120)
    report = it.audit(store)
    it.say(json_line(report))
    it.check(report["agrees"] and len(report["days"]) == 6, "six days are replayed and agree")
    for what in ("answers", "voids", "verdicts", "window_outcomes", "settlements", "requests", "calibrations"):
        it.check(report[what] > 0, f"the record holds {what}")
    with sqlite3.connect(store) as db:
        found = {it.VERDICTS[v] for v, in db.execute("SELECT DISTINCT verdict FROM verdicts")}
        hashes = [h.hex() for h, in db.execute("SELECT state_hash FROM settled_days ORDER BY day")]
    it.check(found == set(it.VERDICTS.values()), f"the record holds every verdict, not only {found}")
    it.check([day["state_hash"] for day in report["days"]] == hashes, "the replay has the record's state hashes")

    # An audit beside the verifier takes in what is recorded meanwhile, and keeps no snapshot open: the log is reused.
    beside = subprocess.run([it.program("SIMULATED_STORE"), lab.place / "beside.db", str(lab.seed), "audited"],
                            stdout=subprocess.PIPE, text=True, timeout=120)
    it.say(beside.stdout.splitlines()[-1])
    it.check(beside.returncode == 0, f"an audit beside the verifier agrees:\n{beside.stdout}")

    for case in CASES:
        copy = lab.place / f"{case.__name__}.db"
        shutil.copy(store, copy)
        with sqlite3.connect(copy) as db:
            expected = case(db)
        db.close()
        words = expected if isinstance(expected, tuple) else (expected,)
        report = it.audit(copy, expect=1)
        named = [s for s in report["first_differences"] if all(word in s for word in words)]
        it.check(named, f"{case.__name__}: no sentence has {words}: {report['first_differences']}")
        it.say(f"{case.__name__}: {report['differences']} differences, among them: {named[0][:150]}")


def json_line(report):
    return ", ".join(f"{key} {value}" for key, value in report.items() if isinstance(value, (int, str)))


if __name__ == "__main__":
    it.run(test)
