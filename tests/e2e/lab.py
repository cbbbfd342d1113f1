"""What the tests of this folder share: a place to start, watch, stop and kill the programs in.

A test is a file with a function `test(lab)`; `lab.run(test)` calls it, prints the tails of all logs when it fails, and
leaves nothing behind. Standard library only. The programs come from the environment (ctest sets it): VIGIL_VERIFIER_PROGRAM,
VIGIL_NODE_PROGRAM, VIGIL_CROWD_PROGRAM, VIGIL_SIMULATED_STORE_PROGRAM.
"""
import contextlib
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.error
import urllib.parse
import urllib.request

SKIPPED = 77
PAYOUT = "0x52908400098527886E0F7030069857D2E4169EE7"
KINDS = {"roll_call": 1, "hourly": 2, "spot": 3, "calibration": 4}
VERDICTS = {1: "passed", 2: "below_rate", 3: "late", 4: "bad_proof", 5: "missed"}


class Skip(Exception):
    """This test cannot run here; the text says why."""


class Failed(Exception):
    """What was expected did not come."""


def check(holds, what):
    if not holds:
        raise Failed(what)


def program(name):
    path = os.environ.get(f"VIGIL_{name}_PROGRAM")
    if not path or not os.access(path, os.X_OK):
        raise Failed(f"VIGIL_{name}_PROGRAM does not name a program: {path!r}")
    return path


def say(text):
    print(f"[{time.monotonic() - STARTED:7.1f} s] {text}", flush=True)


STARTED = time.monotonic()


def wait_for(what, condition, seconds, every=0.05):
    """The first true value of `condition`, or Failed after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failed(f"{what} did not happen within {seconds} s")
        time.sleep(every)


def free_port():
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def http_get(port, path, timeout=5):
    """(status, text); (0, reason) when nobody answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=timeout) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()
    except (urllib.error.URLError, OSError) as failure:
        return 0, str(failure)


def prometheus_query(port, expression):
    """What a Prometheus answers to an expression; nothing while it starts, Failed when it cannot read it."""
    status, text = http_get(port, "/api/v1/query?query=" + urllib.parse.quote(expression))
    check(status != 400, f"Prometheus cannot read {expression}: {text}")
    return json.loads(text)["data"]["result"] if status == 200 else []


def policy(name, **changes):
    """Every key of a policy with a short day; `changes` replaces some, with _ for the dot of a kind."""
    values = {
        "name": name, "day_ms": 120_000, "windows_per_day": 6, "slots_per_window": 4,
        "roll_call.k": 256, "roll_call.work_ms": 2000, "roll_call.spread_ms": 0, "roll_call.slack_ms": 1000,
        "roll_call.theta_ppm": 700_000,
        "hourly.k": 64, "hourly.work_ms": 300, "hourly.spread_ms": 0, "hourly.slack_ms": 700,
        "hourly.theta_ppm": 500_000,
        "spot.k": 64, "spot.work_ms": 300, "spot.spread_ms": 0, "spot.slack_ms": 700, "spot.theta_ppm": 500_000,
        "spot.per_window": 1,
        "calibration.k": 256, "calibration.work_ms": 1000, "calibration.spread_ms": 0, "calibration.slack_ms": 2000,
        "max_missed_checks": 1, "base_micro_per_mhs": 10_000_000, "decay_ppm": 900_000, "decay_days": 14,
        "grace_every_days": 30, "grace_days": 2, "notice_days": 0,
        "multiplier_ppm": [0, 1_000_000, 1_319_500, 1_741_080, 2_297_355, 3_031_360, 4_000_000],
        "slash_tiers": [[1, 25_000], [6, 50_000], [11, 100_000]],
    }
    for key, value in changes.items():
        for kind in ("roll_call_", "hourly_", "spot_", "calibration_"):
            if key.startswith(kind):
                key = kind[:-1] + "." + key[len(kind):]
        check(key in values, f"no policy key {key}")
        values[key] = value
    return "".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items())


class Process:
    """A program of ours, its output in a log file."""

    def __init__(self, lab, name, arguments, environment=None, under=()):
        self.lab, self.name = lab, name
        self.arguments = [*under, *map(str, arguments)]
        self.environment = environment
        self.log = lab.place / f"{name}.log"
        self.process = None
        lab.processes.append(self)

    def start(self):
        check(not self.running(), f"{self.name} runs already")
        environment = {k: v for k, v in os.environ.items() if not k.startswith("VIGIL_")}
        environment.update(self.environment or {})
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.arguments, stdout=log, stderr=subprocess.STDOUT, cwd=self.lab.place,
                                            env=environment, start_new_session=True)
        return self

    def running(self):
        return self.process is not None and self.process.poll() is None

    def wait(self, seconds):
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failed(f"{self.name} did not end within {seconds} s") from None

    def stop(self, seconds=20):
        """SIGTERM; its exit code."""
        self.signal_all(signal.SIGTERM)
        return self.wait(seconds)

    def signal_all(self, number):
        """To the whole group: a program started under another (faketime) is that one's child."""
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            pass

    def kill(self):
        """SIGKILL, at once, as a power cut would."""
        if self.process is not None:
            self.signal_all(signal.SIGKILL)
            self.process.wait()

    def output(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def has_said(self, text):
        return text in self.output()

    def tail(self, lines=40):
        return "\n".join(self.output().splitlines()[-lines:])


class Verifier(Process):
    def __init__(self, lab, name="verifier", policy_text=None, environment=None, under=(), data=None, **settings):
        self.port, self.http_port = free_port(), free_port()
        self.data = data or lab.place / name
        arguments = [program("VERIFIER"), "run", "--data-dir", self.data, "--network", "lab", "--address", "127.0.0.1",
                     "--port", self.port, "--http-address", "127.0.0.1", "--http-port", self.http_port]
        if policy_text is not None:
            file = lab.place / f"{name}.policy.toml"
            file.write_text(policy_text)
            arguments += ["--policy", file]
        for key, value in settings.items():
            arguments += ["--" + key.replace("_", "-"), value]
        super().__init__(lab, name, arguments, environment, under)

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    @property
    def certificate(self):
        return self.data / "tls.crt"

    @property
    def store_file(self):
        return self.data / "vigil.db"

    def ready(self):
        return http_get(self.http_port, "/readyz", timeout=2)[0] == 200

    def start(self, wait=30):
        super().start()
        if wait:
            def up():
                check(self.running(), f"{self.name} ended with exit code {self.process.poll()} at its start")
                return self.ready()
            wait_for(f"{self.name} being ready", up, wait, every=0.02)
        return self

    def rows(self, sql, *parameters):
        """Reads the store beside the running verifier."""
        with contextlib.closing(sqlite3.connect(f"file:{self.store_file}?mode=ro", uri=True, timeout=10)) as db:
            db.row_factory = sqlite3.Row
            return db.execute(sql, parameters).fetchall()

    def value(self, sql, *parameters):
        return self.rows(sql, *parameters)[0][0]

    def metric(self, name):
        """The sum over all label values."""
        status, text = http_get(self.http_port, "/metrics")
        check(status == 200, f"/metrics of {self.name}: {status} {text[:200]}")
        found = [line for line in text.splitlines() if line.startswith(name) and line[len(name)] in " {"]
        check(found, f"{self.name} has no metric {name}")
        return sum(float(line.rsplit(" ", 1)[1]) for line in found)

    def audit(self, expect=0):
        """The report of `vigil-verifier audit`."""
        return audit(self.store_file, expect)


class Node(Process):
    def __init__(self, lab, verifier, name="node", environment=None, under=(), trust=None, **settings):
        self.http_port = free_port()
        self.data = lab.place / name
        given = {"verifier": verifier.address, "ca": trust or verifier.certificate, "payout": PAYOUT, "name": name,
                 "data_dir": self.data, "http_port": self.http_port, "backends": "cpu", "cpu_threads": 1}
        given.update(settings)
        arguments = [program("NODE"), "run"]
        for key, value in given.items():
            if value is not None:
                arguments += ["--" + key.replace("_", "-"), value]
        super().__init__(lab, name, arguments, environment, under)

    def status(self):
        code, text = http_get(self.http_port, "/status")
        return json.loads(text) if code == 200 else None

    def connected(self):
        status = self.status()
        return bool(status and status["verifier"]["connected"])

    def wait_connected(self, seconds=30):
        def up():
            check(self.running(), f"{self.name} ended with exit code {self.process.poll()}")
            return self.connected()
        wait_for(f"{self.name} being connected", up, seconds)
        return self


def run_program(name, *arguments, environment=None, timeout=60, under=(), cwd=None):
    """(exit code, stdout, stderr) of one of our programs run to its end."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("VIGIL_")}
    clean.update(environment or {})
    done = subprocess.run([*under, program(name), *map(str, arguments)], capture_output=True, text=True,
                          timeout=timeout, env=clean, cwd=cwd, check=False)
    return done.returncode, done.stdout, done.stderr


def audit(store, expect=0):
    code, out, err = run_program("VERIFIER", "audit", "--store", store, "-o", "json", timeout=300)
    check(code == expect, f"audit ended with {code}, expected {expect}:\n{out}{err}")
    return json.loads(out)


def proofs_of(signed_bytes):
    """(device, challenge, nonces, hashes_tried) of each proof of an answer as signed (protocol 4.3)."""
    data = bytes(signed_bytes)
    count = int.from_bytes(data[64:68], "big")
    at, proofs = 68, []
    for _ in range(count):
        device, challenge = data[at:at + 32], data[at + 32:at + 64]
        k = int.from_bytes(data[at + 64:at + 68], "big")
        nonces = struct.unpack_from(f">{k}Q", data, at + 68)
        at += 68 + 8 * k
        proofs.append((device, challenge, nonces, int.from_bytes(data[at:at + 8], "big")))
        at += 8
    check(at == len(data), "an answer's signed bytes end where its proofs end")
    return proofs


class Lab:
    def __init__(self):
        self.place = pathlib.Path(tempfile.mkdtemp(prefix="vigil-e2e-"))
        self.processes = []
        self.seed = int(os.environ.get("VIGIL_TEST_SEED", random.SystemRandom().randrange(2**32)))
        self.random = random.Random(self.seed)
        self.leaving = contextlib.ExitStack()

    def verifier(self, *arguments, **settings):
        return Verifier(self, *arguments, **settings)

    def node(self, *arguments, **settings):
        return Node(self, *arguments, **settings)

    def end(self):
        for process in self.processes:
            process.kill()
        self.leaving.close()

    def print_logs(self):
        for process in self.processes:
            print(f"---- {process.name}: {' '.join(process.arguments)}\n{process.tail()}", file=sys.stderr)


def run(test):
    """Runs a test and ends this process: 0 passed, 1 failed, 77 skipped."""
    lab = Lab()
    say(f"seed {lab.seed} (VIGIL_TEST_SEED repeats it)")
    code = 0
    try:
        test(lab)
        say("passed")
    except Skip as why:
        print(f"SKIPPED: {why}", flush=True)
        code = SKIPPED
    except Exception as failure:  # pylint: disable=broad-except
        code = 1
        lab.end()
        lab.print_logs()
        if not isinstance(failure, Failed):
            traceback.print_exc()
        print(f"FAILED: {failure}", file=sys.stderr, flush=True)
    finally:
        lab.end()
        if code == 1 and os.environ.get("VIGIL_TEST_KEEP"):
            print(f"kept: {lab.place}", file=sys.stderr)
        else:
            shutil.rmtree(lab.place, ignore_errors=True)
    sys.exit(code)
