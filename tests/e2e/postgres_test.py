#!/usr/bin/env python3
"""Two verifiers on one PostgreSQL behind a balancer; kill -9 of one or the other, and of PostgreSQL, in roll calls.

No receipt is contradicted by the store, every window and day is closed once, and the record copied to SQLite has the same
state_hash for every day. Nodes reach whoever serves through one address, as behind HAProxy.
"""
import json
import os
import shutil
import socket
import threading
import time

import lab as it
import verifier_kill_test as kills
from private_postgres import Postgres

KILLS = int(os.environ.get("VIGIL_TEST_KILLS", "3"))  # of each kind
ROLL_CALL = it.KINDS["roll_call"]


class Balancer:
    """Passes connections on to whichever of the addresses takes them, in turn."""

    def __init__(self, lab, ports):
        self.ports, self.turn, self.lock = list(ports), 0, threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        lab.leaving.callback(self.listener.close)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                node, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.connect, args=(node,), daemon=True).start()

    def connect(self, node):
        with self.lock:
            self.turn += 1
            order = self.ports[self.turn % len(self.ports):] + self.ports[:self.turn % len(self.ports)]
        for port in order:
            try:
                verifier = socket.create_connection(("127.0.0.1", port), timeout=2)
            except OSError:
                continue
            verifier.settimeout(None)
            threading.Thread(target=self.carry, args=(node, verifier), daemon=True).start()
            self.carry(verifier, node)
            return
        node.close()

    @staticmethod
    def carry(source, target):
        try:
            while data := source.recv(65536):
                target.sendall(data)
        except OSError:
            pass
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class Copy:
    """A store's file, read as the verifier's own."""

    rows, value = it.Verifier.rows, it.Verifier.value

    def __init__(self, file):
        self.store_file = file


def verifiers(lab, postgres, policy_text):
    """Two of one network: the same receipt key and certificate on both machines."""
    def one(name):
        return lab.verifier(name, policy_text=policy_text, log_level="info", store=postgres.uri())
    first, second = one("verifier-a").start(), one("verifier-b")
    second.data.mkdir(mode=0o700)
    for file in ("receipt.key", "tls.crt", "tls.key"):
        shutil.copy(first.data / file, second.data / file)
    second.start()
    return first, second


def wait_for_roll_call(receipts):
    """Until a node has its receipt for one: the others answer about now."""
    at = receipts.stat().st_size
    def come():
        with open(receipts, encoding="utf-8") as lines:
            lines.seek(at)
            return any(check["kind"] == ROLL_CALL for line in lines if line.endswith("\n")
                       for check in json.loads(line)["checks"])
    it.wait_for("a roll call", come, 60, every=0.02)


def windows_told(verifier):
    """The windows that it says it closed, in order."""
    return [int(line.split("window ")[1].split(" ")[0]) for line in verifier.output().splitlines() if " closed: " in line]


def keeper(both):
    """Whichever closed the last window keeps the books."""
    return max(both, key=lambda one: max(windows_told(one), default=-1))


def test(lab):
    postgres = Postgres(lab)
    both = verifiers(lab, postgres, kills.short_policy())
    balancer = Balancer(lab, [one.port for one in both])
    people = it.Process(lab, "crowd", [it.program("CROWD"), "--address", balancer.address, "--ca", both[0].certificate,
                                       "--receipts", lab.place / "crowd.receipts", "--nodes", kills.NODES, "--devices",
                                       kills.DEVICES, "--seed", lab.seed]).start()
    receipt_file = lab.place / "crowd.receipts"
    it.wait_for("the crowd being enrolled", lambda: int(postgres.value("SELECT count(*) FROM devices")) ==
                kills.NODES * kills.DEVICES, 60)
    it.wait_for("nodes on both verifiers", lambda: all(one.metric("vigil_verifier_open_streams") > 0 for one in both), 30)

    for kill in range(KILLS):
        wait_for_roll_call(receipt_file)
        # In turn: whoever keeps the books, and the other.
        kept, other = keeper(both), both[1 - both.index(keeper(both))]
        victim, left = (kept, other) if kill % 2 == 0 else (other, kept)
        victim.kill()
        it.say(f"killed {victim.name}, which {'keeps' if victim is kept else 'does not keep'} the books")
        wait_for_roll_call(receipt_file)
        before = windows_told(left)
        it.wait_for(f"{left.name} closing a window alone", lambda: len(windows_told(left)) > len(before), 60)
        victim.start()
    for _ in range(KILLS):
        wait_for_roll_call(receipt_file)
        postgres.kill()
        time.sleep(lab.random.uniform(0.2, 1.5))
        postgres.start()
        it.say("killed PostgreSQL, and started it again")
        it.check(all(one.running() for one in both), "the verifiers live on without their store")
        it.wait_for("both being ready again", lambda: all(one.ready() for one in both), 60)

    calm = int(postgres.value("SELECT max(window_index) FROM closed_windows"))
    it.wait_for("a day being settled after the last kill", lambda: int(postgres.value(
        "SELECT coalesce(max(day), 0) FROM settled_days")) >= (calm + 6) // 6, 90)
    it.check(people.stop() == 0, "the crowd ends")
    for one in both:
        it.check(one.stop() == 0, f"{one.name} ends")

    # Nothing else is written now. The copy proves each settled day's state_hash.
    file = lab.place / "copy.db"
    time.sleep(31)  # a copy waits until it is sure that no verifier runs
    code, out, err = it.run_program("VERIFIER", "migrate", "--from", postgres.uri(), "--to", f"sqlite:{file}", timeout=300)
    it.check(code == 0, f"migrate ended with {code}: {out}{err}")
    copy = Copy(file)
    summary = json.loads(people.output().splitlines()[-1])
    receipts = kills.receipts_of(receipt_file)
    it.say(f"crowd: {summary}")
    it.check(summary["wrong_receipts"] == 0, "every receipt is genuine, and the same for the same answer")
    it.check(len(receipts) == summary["receipts"] > 0, "the crowd was at work")
    in_time = kills.check_receipts(copy, receipts)
    it.check(in_time > 0, "checks answered in time were among the receipts, or nothing was compared")
    windows, days = kills.check_closing(copy)
    told = [windows_told(one) for one in both]
    it.check(all(told), f"each verifier kept the books for a while: {told}")
    it.check(not set(told[0]) & set(told[1]), f"no window is closed by both: {told}")
    audits = [it.audit(postgres.uri()), it.audit(file)]
    it.check(audits[0] == audits[1], "the audit says the same of both stores")
    recorded = [row[0].hex() for row in copy.rows("SELECT state_hash FROM settled_days ORDER BY day")]
    it.check([day["state_hash"] for day in audits[0]["days"]] == recorded, "an undisturbed run has the same state_hash")
    it.say(f"{len(receipts)} receipts kept, {in_time} checks answered in time; {windows} windows and {days} days closed "
           f"once; {audits[0]['verdicts']} verdicts and {audits[0]['voids']} voids agree")


if __name__ == "__main__":
    it.run(test)
