"""A PostgreSQL server of one test, on a Unix socket in a folder of its own."""
import csv
import glob
import io
import os
import shutil
import signal
import subprocess
import time

import lab as it

INSTALLED = "/usr/lib/postgresql/*/bin"


class Postgres:
    """Durable as an operator's is: fsync stays on. Gone when the lab ends."""

    def __init__(self, lab, name="postgres"):
        if not glob.glob(INSTALLED):
            raise it.Skip("PostgreSQL is not installed")
        self.folder = os.path.join(lab.place, name)
        self.data = os.path.join(self.folder, "data")
        self.programs = max(glob.glob(INSTALLED), key=lambda path: float(path.split("/")[-2]))
        self.user = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}
        os.makedirs(self.folder)
        os.chmod(lab.place, 0o755)
        if self.user:
            shutil.chown(self.folder, **self.user)
        self.run("initdb", "-D", self.data, "-A", "trust", "-U", "vigil", "-E", "UTF8", "--locale=C", "--no-sync")
        lab.leaving.callback(self.stop)
        self.start()
        self.run("createdb", "-h", self.folder, "-U", "vigil", "vigil")

    def run(self, program, *arguments):
        """What it says; Failed with that when it fails."""
        done = subprocess.run([os.path.join(self.programs, program), *arguments], cwd=self.folder, timeout=120,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, **self.user)
        it.check(done.returncode == 0, f"{program} failed: {done.stdout[-500:]}{done.stderr[-500:]}")
        return done.stdout

    def start(self):
        """Also when one was killed, whose children hold its memory for a moment."""
        options = f"-k {self.folder} -c listen_addresses="
        log = os.path.join(self.folder, "log")
        for attempt in range(20):
            try:
                # pg_ctl's own output would be inherited by the server and never end.
                subprocess.run([os.path.join(self.programs, "pg_ctl"), "-D", self.data, "-o", options, "-l", log, "-w",
                                "start"], cwd=self.folder, timeout=120, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, check=True, **self.user)
                return
            except subprocess.CalledProcessError:
                it.check(attempt < 19, f"PostgreSQL does not start: {open(log, encoding='utf-8').read()[-1000:]}")
                time.sleep(0.2)

    def kill(self):
        """SIGKILL for the postmaster; its children end when they notice."""
        with open(os.path.join(self.data, "postmaster.pid"), encoding="utf-8") as file:
            os.kill(int(file.readline()), signal.SIGKILL)

    def stop(self):
        subprocess.run([os.path.join(self.programs, "pg_ctl"), "-D", self.data, "-m", "immediate", "-w", "stop"],
                       cwd="/", timeout=120, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False,
                       **self.user)

    def uri(self):
        return f"postgresql:///vigil?host={self.folder}&user=vigil"

    def rows(self, sql):
        """Rows of texts, bytes as hexadecimal digits."""
        out = self.run("psql", "-h", self.folder, "-U", "vigil", "-d", "vigil", "-X", "--csv", "-t", "-c", sql)
        return list(csv.reader(io.StringIO(out)))

    def value(self, sql):
        return self.rows(sql)[0][0]
