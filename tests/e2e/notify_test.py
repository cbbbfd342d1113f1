#!/usr/bin/env python3
"""Incidents reach people: a device that stays away is told once and again when it is back, signed, over TLS; the verifier's dead
man's switch is pinged; the node tells its owner of a workload; no secret is logged."""
import hashlib
import hmac
import http.server
import json
import ssl
import threading
import time

import lab as it

KEY = "0123456789abcdef-hush-key"
PATH = "/hush-4711"
GONE = "/gone"


class Receiver:
    """An HTTPS server that keeps what it is sent."""

    def __init__(self, lab, identity):
        self.got, self.refused = [], False
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                # Failures make the programs write about this address.
                if self.path.endswith(GONE):
                    self.send_response(404)
                elif self.command == "POST" and not receiver.refused:
                    receiver.refused = True
                    self.send_response(500)
                else:
                    receiver.got.append((self.command, self.path, dict(self.headers), body, time.time()))
                    self.send_response(204)
                self.end_headers()

            do_GET = do_POST = answer

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(identity / "tls.crt", identity / "tls.key")
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self, path):
        return f"https://localhost:{self.server.server_address[1]}{path}"

    def notices(self, path=PATH):
        out = []
        for method, target, headers, body, at in list(self.got):
            if target != path or method != "POST":
                continue
            stamp = headers["Vigil-Timestamp"]
            expected = hmac.new(KEY.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
            it.check(headers["Vigil-Signature"] == "v1=" + expected, f"the signature holds: {headers}")
            it.check(abs(at - int(stamp)) < 60, "and its time is now")
            out.append(json.loads(body))
        return out

    def kinds(self, path=PATH):
        return [notice["kind"] for notice in self.notices(path)]


def secret(lab, name, text):
    file = lab.place / name
    file.write_text(text + "\n")
    file.chmod(0o600)
    return file


def channels(lab, receiver, prefix, identity):
    return f"""
incident_windows = 1
[[notify]]
name = "hook"
kind = "webhook"
url_file = "{secret(lab, prefix + '.url', receiver.url(PATH))}"
key_file = "{secret(lab, prefix + '.key', KEY)}"
ca = "{identity / 'tls.crt'}"
[[notify]]
name = "gone"
kind = "webhook"
url_file = "{secret(lab, prefix + '.gone', receiver.url(PATH + GONE))}"
key_file = "{secret(lab, prefix + '.gone.key', KEY)}"
ca = "{identity / 'tls.crt'}"
[[notify]]
name = "switch"
kind = "ping"
url_file = "{secret(lab, prefix + '.ping', receiver.url('/ping'))}"
ca = "{identity / 'tls.crt'}"
every = 10
"""


def try_channels(lab, receiver, settings):
    """`notify test`: one message each, and what came of it; no secret."""
    code, out, err = it.run_program("NODE", "notify", "test", "--config", settings, "--name", "rack 3")
    it.check(code == 1 and "2 of 3 delivered" in out and "answered with 404: it knows no such webhook" in out,
             f"all but the one that is gone:\n{out}{err}")
    code, out, err = it.run_program("NODE", "notify", "test", "--config", settings, "--channel", "switch")
    it.check(code == 0 and "1 of 1 delivered" in out, f"one by its name:\n{out}{err}")
    it.check(receiver.notices()[-1]["kind"] == "test" and receiver.notices()[-1]["source"] == "node rack 3", "a test notice")
    settings = settings.with_name("broken.toml")
    settings.write_text(f"""
[[notify]]
name = "gone"
kind = "slack"
url_file = "{secret(lab, 'gone.url', f'https://localhost:{it.free_port()}{PATH}')}"
[[notify]]
name = "stranger"
kind = "slack"
url_file = "{secret(lab, 'stranger.url', receiver.url(PATH))}"
""")
    for name, arguments in (("NODE", ()), ("VERIFIER", ("--data-dir", lab.place / "none"))):
        code, out, err = it.run_program(name, "notify", "test", "--config", settings, "-o", "json", *arguments)
        tried = {one["channel"]: one for one in json.loads(out)}
        it.check(code == 1 and not tried["gone"]["delivered"] and not tried["stranger"]["delivered"], f"{code} {out}{err}")
        it.check("refused" in tried["gone"]["trouble"] and "certificate verify failed" in tried["stranger"]["trouble"], f"why: {out}")
        it.check(PATH not in out + err, "no secret is shown")
        code, out, _ = it.run_program(name, "notify", "test", "--config", settings, "--channel", "gone", *arguments)
        it.check(code == 1 and "stranger" not in out and "0 of 1 delivered" in out, f"one alone: {out}")


def test(lab):
    maker = lab.verifier("maker", policy_text=it.policy("maker"))  # for its certificate
    maker.start()
    it.check(maker.stop() == 0, "the certificate's maker ends")
    operators, owners = Receiver(lab, maker.data), Receiver(lab, maker.data)

    settings = lab.place / "verifier.toml"
    settings.write_text(channels(lab, operators, "operator", maker.data))
    verifier = lab.verifier(policy_text=it.policy("notify", day_ms=48_000, roll_call_work_ms=500, calibration_work_ms=500,
                                                     calibration_slack_ms=1000), config=settings).start()
    mine = lab.place / "node.toml"
    port = it.free_port()
    mine.write_text(channels(lab, owners, "owner", maker.data) + f"""
[[workload]]
name = "engine"
tcp = "127.0.0.1:{port}"
interval = 1
failures = 2
""")
    node = lab.node(verifier, config=mine).start().wait_connected()
    it.wait_for("the owner being told of the workload", lambda: "incident_opened" in owners.kinds(), 30)
    told = owners.notices()[0]
    it.check(told["title"] == "workload engine fails" and told["source"].startswith("node node"), str(told))
    it.wait_for("a complete window", lambda: verifier.value("SELECT count(*) FROM windows WHERE outcome = 1") > 0, 60)
    it.wait_for("a ping", lambda: any(path == "/ping" for _, path, *_ in operators.got), 30)
    it.wait_for("no incident being open", lambda: operators.kinds()[-1:] in ([], ["incident_recovered"]), 60)
    opened_before = operators.kinds().count("incident_opened")

    try_channels(lab, owners, mine)

    node.kill()
    it.wait_for("the operator being told", lambda: operators.kinds().count("incident_opened") > opened_before, 60)
    device = verifier.rows("SELECT lower(hex(id)) AS id FROM devices")[0]["id"]
    told = operators.notices()[-1]
    it.check(told["facts"]["device_ids"] == device, f"{told} names {device}")
    it.check("1 window missed in a row" in told["text"] and "credits slashed" in told["text"], told["text"])
    it.check(told["source"] == "verifier of lab", told["source"])
    it.wait_for("it being told daily", lambda: "incident_going_on" in operators.kinds(), 90)
    count = operators.kinds().count("incident_opened")
    it.check(count == opened_before + 1, "an incident is told once")

    node.start().wait_connected()
    it.wait_for("the operator being told that it is over", lambda: operators.kinds()[-1] == "incident_recovered", 90)

    def counted():
        return [float(line.rsplit(" ", 1)[1]) for line in it.http_get(verifier.http_port, "/metrics")[1].splitlines()
                if line.startswith('vigil_verifier_notifications_total{channel="webhook",result="delivered"}')]

    it.wait_for("all of them being counted", lambda: counted() == [len(operators.notices())], 20)
    it.check(node.stop(40) == 0 and verifier.stop() == 0, "both end")
    for process in (node, verifier):
        for words in ("not delivered yet", "given up after"):
            it.check(words in process.output(), f"{process.name} wrote nothing that could hold a secret: no {words!r}")
        for hush in (KEY, PATH):
            it.check(hush not in process.output(), f"{process.name} logged a secret")
            it.check(hush not in (process.data / "recent.log").read_text(), f"{process.name} kept a secret in its log")


if __name__ == "__main__":
    it.run(test)
