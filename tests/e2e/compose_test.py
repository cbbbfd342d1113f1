#!/usr/bin/env python3
"""What deploy/compose.yaml says, done by hand where no registry gives the images.

Its own script draws the password, a PostgreSQL is initialised as the image's entry point does it with compose's settings,
and the verifier runs with compose's environment, as the user of its image where the test is root. Then a node with the
environment of compose.node.yaml. What remains to the images: that they are there.
"""
import glob
import hashlib
import os
import pathlib
import pwd
import re
import shutil
import socket
import ssl
import subprocess

import lab as it
from private_postgres import INSTALLED, Postgres

try:
    import yaml
except ImportError:
    yaml = None

DEPLOY = pathlib.Path(__file__).resolve().parents[2] / "deploy"
DEFAULT_PORTS = {9463, 9464}  # without --port and --http-port, as compose.yaml runs it
# pgpass names the port, so it must be PostgreSQL's own; nobody else listens at this address.
DATABASE = "127.0.0.77"


def resolved(file, environment=None):
    """Services as docker-compose reads them, variables filled in."""
    done = subprocess.run(["docker-compose", "-f", DEPLOY / file, "config"], capture_output=True, text=True, timeout=60, check=False,
                          env={"PATH": os.environ["PATH"], **(environment or {})})
    it.check(done.returncode == 0, f"docker-compose does not read {file}: {done.stderr}")
    return yaml.safe_load(done.stdout.replace("$$", "$"))["services"]


def drawn_secrets(lab, service, user):
    """The folder of the volume "secrets" after its service ran; a second run must leave it alone."""
    folder = lab.place / "secrets"
    folder.mkdir(mode=0o755)
    it.check(service["volumes"] == ["secrets:/secrets:rw"] and service["entrypoint"] == ["sh", "-euc"], f"the service secrets: {service}")
    script = service["command"][0].replace("/secrets", str(folder))
    if os.geteuid() != 0:
        script = "chown() { :; }\n" + script
    before = None
    for _ in range(2):
        subprocess.run([*service["entrypoint"], script], check=True, timeout=30, env={"PATH": os.environ["PATH"]})
        now = {one.name: one.read_text() for one in folder.iterdir()}
        it.check(before in (None, now), "a second start draws another password")
        before = now
    it.check(set(now) == {"postgres", "pgpass"} and re.fullmatch("[0-9a-f]{64}", now["postgres"]), f"a password was drawn: {list(now)}")
    for name, owner in (("postgres", "postgres"), ("pgpass", user)):
        status = (folder / name).stat()
        it.check(status.st_mode & 0o777 == 0o600, f"{name} has mode {status.st_mode:o}")
        wanted = pwd.getpwnam(owner).pw_uid if isinstance(owner, str) else owner
        it.check(os.geteuid() != 0 or status.st_uid == wanted, f"{name} belongs to {status.st_uid}, and {owner} needs it")
    return folder


class ComposedPostgres(Postgres):
    """Initialised as the image does it: its entry point gives initdb the user, the password's file and the arguments."""

    def __init__(self, lab, service, secrets):
        self.settings = service["environment"]
        it.check(self.settings["POSTGRES_PASSWORD_FILE"] == "/secrets/postgres", "the password's file is the one that was drawn")
        self.secrets = secrets
        super().__init__(lab)

    def run(self, program, *arguments):
        if program == "initdb":
            arguments = ("-D", self.data, f"--username={self.settings['POSTGRES_USER']}", f"--pwfile={self.secrets / 'postgres'}",
                         *self.settings["POSTGRES_INITDB_ARGS"].split(), "--no-sync")
        if program == "createdb":
            arguments = ("-h", self.folder, "-U", self.settings["POSTGRES_USER"], self.settings["POSTGRES_DB"])
        return super().run(program, *arguments)

    def start(self):
        with open(os.path.join(self.data, "postgresql.conf"), "a", encoding="utf-8") as conf:
            conf.write(f"listen_addresses = '{DATABASE}'\nport = 5432\nunix_socket_directories = '{self.folder}'\n")
        log = os.path.join(self.folder, "log")
        done = subprocess.run([os.path.join(self.programs, "pg_ctl"), "-D", self.data, "-l", log, "-w", "start"], cwd=self.folder, timeout=120,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False, **self.user)
        it.check(done.returncode == 0, f"PostgreSQL does not start: {open(log, encoding='utf-8').read()[-1000:]}")


class Composed(it.Process):
    """A service's program with its environment, and what the test must move."""

    def __init__(self, lab, name, image_user, environment):
        self.under = []
        data = pathlib.Path(environment["VIGIL_DATA_DIR"])
        data.mkdir(mode=0o700)
        if os.geteuid() == 0:
            os.chown(data, image_user, image_user)
            self.under = ["setpriv", f"--reuid={image_user}", f"--regid={image_user}", "--clear-groups", "--no-new-privs"]
        super().__init__(lab, name, [it.program(name.upper()), "run"], {one: value or "" for one, value in environment.items()}, self.under)

    def healthcheck(self):
        return it.run_program(self.name.upper(), "healthcheck", environment=self.environment, under=self.under)


def image_user_of(dockerfile, target):
    stage = dockerfile.split(f" AS {target}\n")[1].split("\nFROM ")[0]
    it.check('HEALTHCHECK' in stage and f'CMD ["vigil-{target}", "healthcheck"]' in stage, f"the image {target} asks for its health")
    user = re.search(r"^USER (\d+):\1$", stage, re.MULTILINE)
    it.check(user, f"the image {target} names its user by number")
    return int(user[1])


def fingerprint(address):
    with socket.create_connection(address, timeout=10) as plain:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with context.wrap_socket(plain) as secured:
            return hashlib.sha256(secured.getpeercert(True)).hexdigest()


def start_verifier(lab, services, user, secrets):
    given = dict(services["verifier"]["environment"])
    it.check(given["VIGIL_STORE"] == "postgresql://vigil@postgres/vigil?passfile=/secrets/pgpass", f"the store: {given['VIGIL_STORE']}")
    port, http_port = it.free_port(), it.free_port()
    given["VIGIL_STORE"] = given["VIGIL_STORE"].replace("/secrets", str(secrets)) + f"&hostaddr={DATABASE}"
    given.update(VIGIL_DATA_DIR=str(lab.place / "verifier"), VIGIL_PORT=str(port), VIGIL_HTTP_PORT=str(http_port))
    verifier = Composed(lab, "verifier", user, given).start()

    def ready():
        it.check(verifier.running(), f"the verifier ended:\n{verifier.tail()}")
        return it.http_get(http_port, "/readyz")[0] == 200
    it.wait_for("the verifier being ready", ready, 60, every=0.2)
    code, out, err = verifier.healthcheck()
    it.check(code == 0, f"the image's health check: {out}{err}")
    it.check((secrets / "postgres").read_text() not in verifier.output(), "no log holds the password")
    return verifier, port, http_port


def start_node(lab, user, port):
    given = {"VIGIL_VERIFIER_ADDRESS": f"127.0.0.1:{port}", "VIGIL_PAYOUT": it.PAYOUT,
             "VIGIL_VERIFIER_FINGERPRINT": fingerprint(("127.0.0.1", port))}
    given = dict(resolved("compose.node.yaml", given)["node"]["environment"])
    given.update(VIGIL_DATA_DIR=str(lab.place / "node"), VIGIL_HTTP_PORT=str(it.free_port()), VIGIL_BACKENDS="cpu", VIGIL_CPU_THREADS="1")
    node = Composed(lab, "node", user, given).start()

    def healthy():
        it.check(node.running(), f"the node ended:\n{node.tail()}")
        code, text = it.http_get(int(given["VIGIL_HTTP_PORT"]), "/healthz")
        return code == 200 and text == "connected\n"
    it.wait_for("the node being connected", healthy, 60, every=0.2)
    it.check(node.healthcheck()[0] == 0, "the image's health check")


def test(lab):
    if shutil.which("docker-compose") is None or yaml is None:
        raise it.Skip("there is no docker-compose here, with its python3-yaml (Debian has both)")
    if not glob.glob(INSTALLED):
        raise it.Skip("PostgreSQL is not installed")
    services = resolved("compose.yaml")
    dockerfile = (DEPLOY / "Dockerfile").read_text()
    user = image_user_of(dockerfile, "verifier")
    os.chmod(lab.place, 0o755)
    for service in services.values():
        for mount in service.get("volumes", []):
            it.check(not mount.startswith("/") or os.path.exists(mount.split(":")[0]), f"nothing is at {mount}")
    published = {one["target"] if isinstance(one, dict) else int(re.search(r":(\d+)/tcp$", one)[1]) for one in services["verifier"]["ports"]}
    it.check(published == DEFAULT_PORTS, f"the verifier listens at {DEFAULT_PORTS}, compose.yaml publishes {published}")

    secrets = drawn_secrets(lab, services["secrets"], user)
    postgres = ComposedPostgres(lab, services["postgres"], secrets)
    test_line = [one.replace("127.0.0.1", DATABASE) for one in services["postgres"]["healthcheck"]["test"][1:]]
    it.check(postgres.run(test_line[0], *test_line[1:]).strip().endswith("accepting connections"), "PostgreSQL's health check")
    verifier, port, http_port = start_verifier(lab, services, user, secrets)
    start_node(lab, image_user_of(dockerfile, "node"), port)
    it.wait_for("the device in PostgreSQL", lambda: it.http_get(http_port, "/providers.json")[1].count("payout_address") == 1, 30, every=0.5)
    it.check(verifier.stop() == 0, "the verifier ends as it is told")


if __name__ == "__main__":
    it.run(test)
