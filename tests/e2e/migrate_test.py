#!/usr/bin/env python3
"""A store moves from SQLite to PostgreSQL, killed on the way, and back; the audit agrees with every copy."""
import subprocess
import time

import lab as it
from private_postgres import Postgres

CONFIGURATION = 3


def migrate(source, target, expect=0):
    code, out, err = it.run_program("VERIFIER", "migrate", "--from", source, "--to", target, timeout=300)
    it.check(code == expect, f"migrate ended with {code}, expected {expect}:\n{out}{err}")
    return out + err


def test(lab):
    postgres = Postgres(lab)
    source = lab.place / "source.db"
    subprocess.run([it.program("SIMULATED_STORE"), source, "7"], check=True, timeout=240, stdout=subprocess.DEVNULL)
    before = it.audit(source)
    it.check(before["agrees"] and len(before["days"]) > 0, "the source is an honest record with settled days")
    there = postgres.uri()

    killed = 0
    for delay in (0.1, 0.2, 0.4, 0.8):
        process = subprocess.Popen([it.program("VERIFIER"), "migrate", "--from", f"sqlite:{source}", "--to", there],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(delay)
        process.kill()
        if process.wait() == 0:
            break  # a fast machine: it was done
        killed += 1
    it.say(f"killed {killed} times")
    if process.returncode != 0:
        settled = sum(1 for day in before["days"] if day["recorded"])
        out = migrate(f"sqlite:{source}", there)
        it.check(f"state_hash of {settled} settled days" in out, f"each of {settled} settled days is proved:\n{out}")
    it.check(it.audit(there) == before, "the audit says the same of the copy as of the source")

    it.check("holds a network already" in migrate(f"sqlite:{source}", there, CONFIGURATION),
             "a target with a network is refused")
    refused = migrate("postgresql://vigil:s3cret@localhost/vigil", there, CONFIGURATION)
    it.check("pgpass" in refused and "s3cret" not in refused, f"a password in a URI is refused, not repeated:\n{refused}")
    back = lab.place / "back.db"
    migrate(there, f"sqlite:{back}")
    it.check(it.audit(back) == before, "and of the copy that came back")


if __name__ == "__main__":
    it.run(test)
