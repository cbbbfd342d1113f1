#!/usr/bin/env python3
"""Two verifiers on one PostgreSQL, each stopped and started in turn as an upgrade does, in roll calls: no check is missed.

Real nodes that know both addresses. Every check of every enrolled device has passed, nothing is void, and every receipt that a
node kept is in the store. A verifier that stops says so (/readyz) while it still takes connections, and ends with 0.
"""
import json
import os
import socket
import time
import types

import lab as it
from postgres_test import verifiers
from private_postgres import Postgres

UPGRADES = int(os.environ.get("VIGIL_TEST_UPGRADES", "4"))
NODES = 4
WINDOW_MS, WORK_MS, SLACK_MS = 9000, 1500, 5000
STOPPED_WITHIN = 15  # seconds, as docs/scale.md says


def policy():
    """One slot a window, so that each has a roll call, in its first seconds."""
    quick = {"roll_call_k": 64, "roll_call_work_ms": WORK_MS, "roll_call_slack_ms": SLACK_MS, "roll_call_theta_ppm": 300_000,
             "hourly_k": 16, "hourly_work_ms": 200, "spot_k": 16, "spot_work_ms": 200, "calibration_k": 64,
             "calibration_work_ms": 300, "calibration_slack_ms": 4000}
    return it.policy("upgrades", day_ms=6 * WINDOW_MS, slots_per_window=1, **quick)


def wait_for_window(ahead):
    """Until `ahead` seconds before the begin of one."""
    now = time.time() + ahead
    time.sleep(WINDOW_MS / 1000 - now % (WINDOW_MS / 1000))


def takes_connections(verifier):
    try:
        socket.create_connection(("127.0.0.1", verifier.port), timeout=2).close()
        return True
    except OSError:
        return False


def stop(verifier):
    """As systemd does. What a balancer sees meanwhile comes first."""
    began = time.monotonic()
    verifier.process.terminate()
    it.wait_for("/readyz turning", lambda: it.http_get(verifier.http_port, "/readyz")[0] == 503, 2, every=0.02)
    while time.monotonic() < began + 2:
        it.check(takes_connections(verifier), "the port closed before a balancer could know")
        it.check(it.http_get(verifier.http_port, "/readyz")[0] == 503, "/readyz turned back")
        time.sleep(0.1)
    code = verifier.wait(STOPPED_WITHIN - 2)
    it.check(code == 0, f"{verifier.name} ended with {code}")
    return time.monotonic() - began


def receipts_of(node):
    file = node.data / "receipts.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def check_verdicts(postgres, windows):
    """Nothing but passed, of each device in each of the windows."""
    rows = postgres.rows("SELECT v.bucket, v.device, v.window_index, v.kind, v.verdict, v.reason FROM verdicts v"
                         f" WHERE v.kind <> {it.KINDS['calibration']} AND v.window_index >= {windows.start}"
                         f" AND v.window_index < {windows.stop}")
    other = [row for row in rows if it.VERDICTS[int(row[4])] != "passed"]
    it.check(not other, f"{len(other)} checks did not pass: {other[:5]}")
    roll_calls = {(row[0], row[1], int(row[2])) for row in rows if int(row[3]) == it.KINDS["roll_call"]}
    it.check(len(roll_calls) == NODES * len(windows), f"{len(roll_calls)} roll calls in {windows} passed")
    voids = postgres.rows(f"SELECT * FROM voids WHERE window_index >= {windows.start}")
    it.check(not voids, f"a gap was made: {voids[:5]}")
    return len(rows)


def test(lab):
    postgres = Postgres(lab)
    both = verifiers(lab, postgres, policy())
    known = types.SimpleNamespace(address=",".join(one.address for one in both), certificate=both[0].certificate)
    nodes = [lab.node(known, f"node-{i}").start() for i in range(NODES)]
    for node in nodes:
        node.wait_connected()
    it.wait_for("a calibration of each", lambda: all(receipts_of(node) for node in nodes), 60)
    first = int(time.time() * 1000) // WINDOW_MS + 1  # they are enrolled through all of it

    took = []
    order = sorted(both, key=lambda one: -one.metric("vigil_verifier_open_streams"))  # each then has nodes when it stops
    for upgrade in range(UPGRADES):
        # Streams end three to six seconds after the signal, roll calls begin in the first two of a window.
        wait_for_window(lab.random.uniform(0.5, 4.0))
        leaving = order[upgrade % 2]
        streams = leaving.metric("vigil_verifier_open_streams")
        took.append(stop(leaving))
        leaving.start()
        it.say(f"{leaving.name} with {streams:.0f} nodes stopped in {took[-1]:.1f} s, and runs again")
        it.wait_for("all nodes being connected", lambda: all(node.connected() for node in nodes), 10)
    it.check(max(took) <= STOPPED_WITHIN, f"a stop took {max(took):.1f} s")

    last = int(time.time() * 1000) // WINDOW_MS
    it.wait_for("the last window being closed", lambda: int(postgres.value(
        "SELECT coalesce(max(window_index), 0) FROM closed_windows")) >= last, 60)
    for node in nodes:
        it.check(node.stop() == 0, f"{node.name} ends")
    for _ in range(2):  # the second ends it at once, though the other serves
        order[0].process.terminate()
        it.wait_for("/readyz turning", lambda: not order[0].ready(), 2, every=0.02)
    it.check(order[0].wait(5) == 130, "a second SIGTERM ends at once")
    it.check(order[1].stop() == 0, f"{order[1].name} ends")
    moved = sum(node.output().count("the verifier asks to connect again in 0 ms: the verifier is stopping") for node in nodes)
    it.check(moved >= NODES * (UPGRADES - 1), f"only {moved} sessions were moved: too little was tried")

    checks = check_verdicts(postgres, range(first, last + 1))
    stored = {row[0]: int(row[1]) for row in postgres.rows("SELECT encode(id, 'hex'), received_ms FROM answers")}
    receipts = [receipt for node in nodes for receipt in receipts_of(node)]
    it.check(len(receipts) >= checks, f"{len(receipts)} receipts of {checks} checks")
    for receipt in receipts:
        it.check(stored.get(receipt["answer_id"]) == receipt["received_ms"], f"the store contradicts {receipt}")
    it.audit(postgres.uri())
    it.say(f"{UPGRADES} upgrades moved {moved} sessions: {checks} checks passed in {last + 1 - first} windows, none missed; "
           f"{len(receipts)} receipts in the store; stops took {min(took):.1f} to {max(took):.1f} s")


if __name__ == "__main__":
    it.run(test)
