#!/usr/bin/env python3
"""A node that dies in the middle of a roll call passes it after its restart; an answer that could not be sent because the
verifier was down is sent when it is back. Both while the deadline allows."""
import math
import time

import lab as it

K = 256
WINDOW_MS, WORK_MS, SLACK_MS = 16_000, 4_000, 8_000


def open_roll_call(lab, verifier, node):
    """Waits until the node's device is at work for a roll call; how long ago it was noticed is at most 50 ms."""
    def at_work():
        status = node.status()
        return status and status["devices"][0]["state"] == "roll call"
    it.wait_for("a roll call", at_work, 2 * WINDOW_MS / 1000 + 5)
    return time.time() * 1000


def verdict_of_roll_call(verifier, noticed_ms):
    """Its verdict, once there is one."""
    def found():
        if not verifier.running():
            return None
        rows = verifier.rows("SELECT * FROM verdicts WHERE kind = 1 AND start_ms BETWEEN ? AND ?", noticed_ms - 2_000,
                             noticed_ms + 100)
        return rows and rows[0]
    return it.wait_for("a verdict on the roll call", found, 2 * WINDOW_MS / 1000)


def passed(verifier, verdict):
    it.check(it.VERDICTS[verdict["verdict"]] == "passed", f"the roll call passes: {verdict['reason']}")
    after = verdict["received_ms"] - verdict["start_ms"]
    it.check(after <= WORK_MS + SLACK_MS, "in time")
    tried = [count for row in verifier.rows("SELECT signed_bytes FROM answers")
             for _, challenge, _, count in it.proofs_of(row[0]) if challenge == bytes(verdict["challenge"])]
    it.check(len(tried) == 1, "one answer")
    ratio = verdict["work"] / tried[0]
    # What was found before the kill counts: else the work would fall short of the counter.
    it.check(abs(ratio - 1) < 6 / math.sqrt(K - 2), f"W / hashes tried is {ratio:.3f}")
    return after, tried[0]


def test(lab):
    verifier = lab.verifier(policy_text=it.policy(
        "patience", day_ms=6 * WINDOW_MS, slots_per_window=1, roll_call_k=K, roll_call_work_ms=WORK_MS,
        roll_call_slack_ms=SLACK_MS, roll_call_theta_ppm=300_000, spot_per_window=0)).start()
    node = lab.node(verifier).start().wait_connected()
    it.wait_for("a calibration", lambda: verifier.value("SELECT count(*) FROM verdicts WHERE kind = 4 AND verdict = 1"), 60)

    noticed = open_roll_call(lab, verifier, node)
    time.sleep(2.5)
    node.kill()
    time.sleep(0.3)
    node.start()
    after, tried = passed(verifier, verdict_of_roll_call(verifier, noticed))
    it.check(node.has_said("going on with a roll call of the run before"), "the node resumes instead of beginning anew")
    it.say(f"killed after 2.5 s of a roll call: answered {after} ms after its start with {tried} hashes")

    noticed = open_roll_call(lab, verifier, node)
    time.sleep(WORK_MS / 1000 - 1)
    verifier.kill()
    time.sleep(2.5)  # the node finishes meanwhile and cannot send
    verifier.start()
    after, tried = passed(verifier, verdict_of_roll_call(verifier, noticed))
    it.say(f"verifier away when the answer was ready: received {after} ms after the start")

    noticed = open_roll_call(lab, verifier, node)
    time.sleep(WORK_MS / 1000 - 1)
    verifier.kill()
    # Now both die: the answer that waits is on the node's disk.
    time.sleep(2)
    node.kill()
    verifier.start()
    node.start()
    after, tried = passed(verifier, verdict_of_roll_call(verifier, noticed))
    it.say(f"verifier and node away: received {after} ms after the start")

    lines = (node.data / "receipts.jsonl").read_text().splitlines()
    it.check(len(lines) >= 3, "the node keeps its receipts")
    it.check(node.stop() == 0 and verifier.stop() == 0, "both end")
    verifier.audit()


if __name__ == "__main__":
    it.run(test)
