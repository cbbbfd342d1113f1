#!/usr/bin/env python3
"""kill -9 of the verifier at 50 random moments during load: nothing that was receipted is lost, nothing is decided twice.

The load is a crowd of small nodes over real TLS that keep every receipt on disk before they count it, and one vigil-node.
"""
import json
import os
import time

import lab as it

KILLS = int(os.environ.get("VIGIL_TEST_KILLS", "50"))
NODES, DEVICES = 24, 2
WINDOW_MS = 4000


def short_policy():
    return it.policy(
        "kills", day_ms=6 * WINDOW_MS, slots_per_window=2, roll_call_k=64, roll_call_work_ms=300,
        roll_call_slack_ms=1500, hourly_k=16, hourly_work_ms=200, hourly_slack_ms=1500, spot_k=16, spot_work_ms=200,
        spot_slack_ms=1000, calibration_k=64, calibration_work_ms=200, calibration_slack_ms=1500,
        roll_call_theta_ppm=300_000, hourly_theta_ppm=300_000, spot_theta_ppm=300_000)


def crowd(lab, verifier):
    receipts = lab.place / "crowd.receipts"
    process = it.Process(lab, "crowd", [it.program("CROWD"), "--address", verifier.address, "--ca",
                                        verifier.certificate, "--receipts", receipts, "--nodes", NODES, "--devices",
                                        DEVICES, "--seed", lab.seed])
    return process.start(), receipts


def receipts_of(file):
    with open(file, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def check_receipts(verifier, receipts):
    """Every receipt is in the store, and no check that was answered in time is called missed."""
    stored = {bytes(row["id"]): row["received_ms"] for row in verifier.rows("SELECT id, received_ms FROM answers")}
    verdicts = {(bytes(row["id"]), row["kind"], row["ref"]): row for row in verifier.rows(
        "SELECT d.id, v.kind, v.ref, v.verdict, v.received_ms FROM verdicts v JOIN devices d"
        " ON d.bucket = v.bucket AND d.number = v.device")}
    # Recorded as the verifier stopped, in a window that is judged once the one before is closed.
    waiting = {(bytes(row["id"]), row["kind"], row["ref"]) for row in verifier.rows(
        "SELECT d.id, u.kind, u.ref FROM unjudged u JOIN devices d ON d.bucket = u.bucket AND d.number = u.device"
        " WHERE u.window_index > (SELECT max(window_index) FROM closed_windows)")}
    in_time = 0
    for receipt in receipts:
        answer = bytes.fromhex(receipt["answer"])
        it.check(answer in stored, f"the store has lost a receipted answer: {receipt}")
        it.check(stored[answer] == receipt["received_ms"], f"stored as received {stored[answer]}: {receipt}")
        for one in receipt["checks"]:
            if receipt["received_ms"] > one["deadline_ms"]:
                continue
            check = (bytes.fromhex(one["device"]), one["kind"], one["ref"])
            verdict = verdicts.get(check)
            if not verdict and check in waiting:
                continue
            it.check(verdict, f"no verdict on a receipted check: {receipt}")
            it.check(it.VERDICTS[verdict["verdict"]] not in ("missed", "late") and
                     verdict["received_ms"] == receipt["received_ms"],
                     f"answered in time, judged {it.VERDICTS[verdict['verdict']]}: {receipt}")
            in_time += 1
    return in_time


def check_closing(verifier):
    """Windows and days follow each other without a gap, and no device lacks an outcome."""
    founded, = verifier.rows("SELECT founded_ms FROM genesis")[0]
    windows = [row[0] for row in verifier.rows("SELECT window_index FROM closed_windows ORDER BY window_index")]
    it.check(windows == list(range(founded // WINDOW_MS, windows[-1] + 1)), f"windows closed: {windows}")
    days = [row[0] for row in verifier.rows("SELECT day FROM settled_days ORDER BY day")]
    it.check(days == list(range(days[0], days[-1] + 1)) and days[0] == windows[0] // 6, f"days settled: {days}")
    lacking = verifier.value(
        "SELECT count(*) FROM devices d JOIN closed_windows c ON d.enrolled_ms < (c.window_index + 1) * ? WHERE NOT EXISTS"
        " (SELECT 1 FROM windows w WHERE w.bucket = d.bucket AND w.device = d.number AND w.window_index ="
        " c.window_index)", WINDOW_MS)
    it.check(lacking == 0, f"{lacking} outcomes of devices in closed windows are missing")
    return len(windows), len(days)


def test(lab):
    verifier = lab.verifier(policy_text=short_policy(), log_level="warning").start()
    node = lab.node(verifier).start()
    people, receipt_file = crowd(lab, verifier)
    it.wait_for("the crowd being enrolled", lambda: verifier.value("SELECT count(*) FROM devices") ==
                NODES * DEVICES + 1, 60)

    took = []
    for kill in range(KILLS):
        time.sleep(lab.random.uniform(0.2, 3.0))
        verifier.kill()
        it.check(people.running() and node.running(), "the crowd and the node live on")
        began = time.monotonic()
        verifier.start()
        took.append(time.monotonic() - began)
        if kill % 10 == 9:
            it.say(f"{kill + 1} kills, {verifier.value('SELECT count(*) FROM answers')} answers")

    # An undisturbed while, so that everything kept is sent and the last day is settled.
    calm = verifier.value("SELECT max(window_index) FROM closed_windows")
    it.wait_for("the node's connection", node.connected, 70)
    it.wait_for("a day being settled after the last kill", lambda: verifier.value(
        "SELECT max(day) FROM settled_days") >= (calm + 6) // 6, 90)
    it.check(people.stop() == 0, "the crowd ends")
    it.check(node.stop() == 0, "the node ends")
    it.check(verifier.stop() == 0, "the verifier ends")

    summary = json.loads(people.output().splitlines()[-1])
    receipts = receipts_of(receipt_file)
    it.say(f"crowd: {summary}; restarts took {min(took):.2f} to {max(took):.2f} s")
    it.check(summary["wrong_receipts"] == 0, "every receipt is genuine, and the same for the same answer")
    it.check(len(receipts) == summary["receipts"] > 5 * KILLS, "the crowd was at work")
    in_time = check_receipts(verifier, receipts)
    it.check(in_time > 0, "checks answered in time were among the receipts, or nothing was compared")
    own = [json.loads(line) for line in (node.data / "receipts.jsonl").read_text().splitlines()]
    stored = {bytes(row["id"]): row["received_ms"] for row in verifier.rows("SELECT id, received_ms FROM answers")}
    for receipt in own:
        it.check(stored.get(bytes.fromhex(receipt["answer_id"])) == receipt["received_ms"],
                 f"the node's receipt is not in the store: {receipt}")
    windows, days = check_closing(verifier)
    report = verifier.audit()
    recorded = [row[0].hex() for row in verifier.rows("SELECT state_hash FROM settled_days ORDER BY day")]
    it.check([day["state_hash"] for day in report["days"]] == recorded, "an undisturbed run has the same state_hash")
    it.say(f"{len(receipts)} receipts of the crowd and {len(own)} of the node kept, {in_time} checks answered in time; "
           f"{windows} windows and {days} days closed once; {report['verdicts']} verdicts and {report['voids']} voids agree")


if __name__ == "__main__":
    it.run(test)
