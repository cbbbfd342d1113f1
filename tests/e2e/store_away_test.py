#!/usr/bin/env python3
"""A verifier that starts while PostgreSQL is away serves once it is there; what waiting cannot mend ends it.

So one that dies in a failover, or starts before its database after a power cut, needs nobody.
"""
import lab as it
from private_postgres import Postgres

CONFIGURATION = 3
WAITING = "not ready: this verifier serves once the store is there"


def lines(verifier):
    return verifier.output().count(WAITING)


def test(lab):
    postgres = Postgres(lab)
    wrong = lab.verifier("wrong", store=postgres.uri().replace("/vigil?", "/nothing?")).start(wait=0)
    it.check(wrong.wait(20) == CONFIGURATION, "a database that is missing ends a verifier")
    it.check(wrong.has_said("E-STORE") and wrong.has_said("createdb"), f"and the error says what to do: {wrong.tail()}")

    postgres.stop()
    early = lab.verifier("early", store=postgres.uri()).start(wait=0)
    it.wait_for("the log saying what is waited for", lambda: lines(early) >= 1, 20)
    it.wait_for("and saying it again", lambda: lines(early) >= 2, 30)
    it.check(early.running(), "it goes on waiting")
    it.check(early.stop(10) == 0, "SIGTERM ends it without a store")

    code, _, err = it.run_program("VERIFIER", "devices", "--store", postgres.uri())
    it.check(code == CONFIGURATION and "E-STORE" in err, f"who asks does not wait: {code} {err}")

    before = lines(early)
    early.start(wait=0)
    it.wait_for("the log saying so again", lambda: lines(early) > before, 20)
    postgres.start()
    it.wait_for("the verifier being ready", early.ready, 30)

    # A failover: the database goes, and with it a verifier, which is started again meanwhile.
    postgres.kill()
    early.kill()
    before = lines(early)
    early.start(wait=0)
    it.wait_for("one that was killed waiting", lambda: lines(early) > before, 20)
    postgres.start()
    it.wait_for("the verifier being ready again", early.ready, 30)
    it.check(early.stop() == 0, "the verifier ends")


if __name__ == "__main__":
    it.run(test)
