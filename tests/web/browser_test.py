#!/usr/bin/env python3
"""A browser in front of `vigil-verifier demo`: browser.mjs says what it does. `--keep FOLDER` keeps the screenshots,
and takes none while an honest device of the demo is not online with its roll call passed: they are what README shows."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))
import lab as it  # noqa: E402  pylint: disable=wrong-import-position

TOOLS = pathlib.Path(os.environ.get("VIGIL_TEST_TOOLS", HERE.parent.parent / "build/tools"))
HONEST = ("cpu", "opencl", "cuda")  # names in verifier/demo/cast.cpp
CHROMIUM = ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome")


def device_that_missed(port):
    """Of the replayer, whose own checks nobody answers; None before a window with them was closed."""
    code, text = it.http_get(port, "/providers.json?q=replayer")
    if code != 200 or not json.loads(text)["providers"]:
        return None
    address = json.loads(text)["providers"][0]["payout_address"]
    _, page = it.http_get(port, f"/providers/{address}")
    at = page.find("/devices/")
    if at < 0:
        return None
    device = page[at + 9:at + 73]
    _, page = it.http_get(port, f"/devices/{device}")
    return device if ">missed</a>" in page else None


def honest_are_well(port):
    """Whether each honest device of the demo is online, its latest roll call passed."""
    code, text = it.http_get(port, "/providers.json")
    if code != 200:
        return False
    honest = [one for one in json.loads(text)["providers"] if one["name"] in HONEST]
    for one in honest:
        if any(count > 0 for state, count in one["devices"].items() if state != "online"):
            return False
        _, page = it.http_get(port, f"/providers/{one['payout_address']}")
        for device in set(re.findall(r'href="/devices/([0-9a-f]{64})"', page)):
            _, page = it.http_get(port, f"/devices/{device}")
            call = re.search(r'"Check">roll call</td>(.*?)</tr>', page, re.S)
            if call is None or ">passed</a>" not in call[1]:
                return False
    return len(honest) > 0


def test(lab):
    if not any(map(os.path.exists, CHROMIUM)):
        raise it.Skip(f"there is no browser: none of {', '.join(CHROMIUM)}; deploy/install-deps --tests brings one")
    if shutil.which("node") is None:
        raise it.Skip("there is no node")
    for package in ("playwright-core", "axe-core"):
        if not (TOOLS / "node_modules" / package).is_dir():
            raise it.Skip(f"there is no npm package {package} in {TOOLS}; tests/run brings it")
    port = it.free_port()
    demo = it.Process(lab, "demo", [it.program("VERIFIER"), "demo", "--http-port", port, "--node-program",
                                    it.program("NODE")]).start()

    def missed():
        it.check(demo.running(), "the demo ended by itself")
        return device_that_missed(port)
    device = it.wait_for("a missed check", missed, 180, every=1)
    keep = "--keep" in sys.argv
    if keep:
        it.wait_for("every honest device being online with its roll call passed", lambda: honest_are_well(port), 180, every=1)
    shots = pathlib.Path(sys.argv[sys.argv.index("--keep") + 1]) if keep else lab.place / "screenshots"
    shots.mkdir(exist_ok=True, parents=True)
    done = subprocess.run(["node", str(HERE / "browser.mjs"), f"http://127.0.0.1:{port}", str(TOOLS), str(shots), device],
                          capture_output=True, text=True, timeout=420, check=False)
    print(done.stdout, done.stderr, sep="\n", flush=True)
    it.check(done.returncode == 0, "the browser complains; its words are above")
    it.check(len(list(shots.glob("*.png"))) >= 54, "there are pictures of nine pages, three widths, two themes")
    it.check(not keep or honest_are_well(port), "an honest device fell ill meanwhile: the pictures may show it, take them again")


if __name__ == "__main__":
    it.run(test)
