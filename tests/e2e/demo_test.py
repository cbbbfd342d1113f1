#!/usr/bin/env python3
"""`vigil-verifier demo --days 2` shows what it promises and ends with 0."""
import sys

import lab as it


def test(lab):
    code, out, err = it.run_program("VERIFIER", "demo", "--days", "2", "--http-port", "0", "--node-program",
                                    it.program("NODE"), timeout=900, cwd=lab.place)
    print(out)
    it.check(code == 0, f"exit code {code}:\n{err}")
    for word in ("lazy", "replayer", "flaky", "below_rate"):
        it.check(word in out, f"the table lacks {word!r}")


if __name__ == "__main__":
    it.run(test)
