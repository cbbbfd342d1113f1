#!/usr/bin/env python3
"""A browser in front of a running node's own page. `--keep FOLDER` keeps the screenshots."""
import os
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))
import lab as it  # noqa: E402  pylint: disable=wrong-import-position
from browser_test import CHROMIUM, TOOLS  # noqa: E402  pylint: disable=wrong-import-position


def test(lab):
    if not any(map(os.path.exists, CHROMIUM)) or shutil.which("node") is None:
        raise it.Skip("there is no browser or no node; deploy/install-deps --tests brings both")
    for package in ("playwright-core", "axe-core"):
        if not (TOOLS / "node_modules" / package).is_dir():
            raise it.Skip(f"there is no npm package {package} in {TOOLS}; tests/run brings it")
    verifier = lab.verifier(policy_text=it.policy("page", day_ms=144_000)).start()
    config = lab.place / "node.toml"
    config.write_text(f"""[[workload]]
name = "engine"
http = "http://127.0.0.1:{it.free_port()}/"
interval = 1
failures = 1
""")
    node = lab.node(verifier, config=config).start().wait_connected()
    it.wait_for("a roll call passed", lambda: "passed" in node.status()["devices"][0]["windows_today"], 90, every=0.5)
    it.check(node.status()["last_receipt"]["answer_id"] and node.status()["last_error"] is None, "its last receipt is told")
    code, table, _ = it.run_program("NODE", "status", "--http-port", node.http_port)
    it.check(code == 0 and "windows today" in table, f"status prints its table: {table}")
    shots = pathlib.Path(sys.argv[sys.argv.index("--keep") + 1]) if "--keep" in sys.argv else lab.place / "screenshots"
    shots.mkdir(exist_ok=True, parents=True)
    done = subprocess.run(["node", str(HERE / "node_page.mjs"), f"http://127.0.0.1:{node.http_port}", str(TOOLS), str(shots)],
                          capture_output=True, text=True, timeout=200, check=False)
    print(done.stdout, done.stderr, sep="\n", flush=True)
    it.check(done.returncode == 0, "the browser complains; its words are above")


if __name__ == "__main__":
    it.run(test)
