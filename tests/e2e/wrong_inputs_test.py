#!/usr/bin/env python3
"""What people get wrong: each case has its exit code, says what happened, with the values compared, and what to do."""
import os
import re
import socket
import sqlite3
import subprocess

import lab as it

USAGE, CONFIGURATION, NO_DEVICE, UNREACHABLE = 2, 3, 4, 5


def expect(name, result, code, *words):
    """A program's end: exit code and the words its message must hold, each a text or several of which one will do."""
    ended, out, err = result
    it.check(ended == code, f"{name}: exit code {ended} where {code} is expected:\n{out}{err}")
    says(name, err, *words)
    it.say(f"{name}: exit {ended}: {err.strip().splitlines()[-1][:230]}")


def says(name, text, *words):
    for word in words:
        options = (word,) if isinstance(word, str) else word
        it.check(any(one in text for one in options), f"{name}: the message lacks {word!r}:\n{text}")


def run_node(lab, *settings, environment=None, name="wrong", http_port=0):
    return it.run_program("NODE", "run", "--data-dir", lab.place / name, "--payout", it.PAYOUT, "--http-port", http_port,
                          "--backends", "cpu", "--cpu-threads", "1", *settings, environment=environment)


def run_verifier(data, *settings, environment=None):
    return it.run_program("VERIFIER", "run", "--data-dir", data, "--address", "127.0.0.1", "--port", it.free_port(),
                          "--http-address", "127.0.0.1", "--http-port", it.free_port(), *settings,
                          environment=environment)


def no_device(lab):
    nothing = lab.place / "no-opencl"
    nothing.mkdir()
    environment = {"OCL_ICD_VENDORS": str(nothing)}
    for command in (["list-devices"], ["run", "--verifier", "127.0.0.1:1", "--payout", it.PAYOUT, "--data-dir",
                                       lab.place / "none", "--http-port", "0"]):
        result = it.run_program("NODE", *command, "--backends", "opencl", environment=environment)
        expect(f"no device, {command[0]}", result, NO_DEVICE, "E-DEVICE", "no device", "OpenCL", "--backends cpu")


def no_driver(lab):
    if os.path.exists("/proc/driver/nvidia"):
        it.say("SKIPPED no driver: this machine has an NVIDIA driver")
        return
    result = it.run_program("NODE", "list-devices", "--backends", "cuda")
    expect("no driver", result, NO_DEVICE, "E-DEVICE", ("no NVIDIA driver", "this build has no CUDA"), "--backends cpu")
    # Without a word about backends it goes on with what there is.
    code, out, err = it.run_program("NODE", "list-devices")
    it.check(code == 0, f"without a driver the rest is used: {err}")
    says("no driver, the rest", out, ("no NVIDIA driver", "this build has no CUDA"))


def verifier_unreachable(lab):
    port, http_port = it.free_port(), it.free_port()
    node = it.Process(lab, "lonely", [it.program("NODE"), "run", "--verifier", f"127.0.0.1:{port}", "--payout", it.PAYOUT,
                                      "--data-dir", lab.place / "lonely", "--backends", "cpu", "--cpu-threads", "1",
                                      "--http-port", http_port]).start()
    it.wait_for("the message", lambda: node.has_said("E-UNREACHABLE"), 30)
    says("verifier unreachable", node.output(), f"127.0.0.1:{port}", "refused", "keeps trying", "check verifier.address")
    it.check(node.running(), "the node keeps trying")
    file = lab.place / "asking.toml"
    file.write_text("duty = 500\ndutty = 5\n[log]\nformat = \"xml\"\n[http]\nport = %d\n" % http_port)
    for command in ("status", "healthcheck"):
        result = it.run_program("NODE", command, "--config", file, environment={"VIGIL_CPU_THREADS": "many"})
        expect(f"{command} beside wrong settings", result, 0, "warning", "duty = 500", "dutty", "cpu.threads = \"many\"")
        file_wrong = lab.place / "asking-wrong.toml"
        file_wrong.write_text("[http]\nport = 70000\n")
        expect(f"{command} without its port", it.run_program("NODE", command, "--config", file_wrong), CONFIGURATION,
               "E-CONFIG", "http.port", "70000")
    it.check(node.stop() == 0, "and ends when asked")
    result = it.run_program("NODE", "retire", "--device", "GPU-1", "--verifier", f"127.0.0.1:{port}", "--data-dir",
                            lab.place / "lonely")
    expect("verifier unreachable, one-shot", result, UNREACHABLE, "E-UNREACHABLE", f"127.0.0.1:{port}")
    expect("node not running", it.run_program("NODE", "status", "--http-port", port), UNREACHABLE, "E-UNREACHABLE",
           "vigil-node run", str(port))


def wrong_certificate(lab, verifier, other):
    expect("wrong certificate", run_node(lab, "--verifier", verifier.address, "--ca", other.certificate), CONFIGURATION,
           "E-CERT", verifier.address, str(other.certificate), "SHA-256", "ask the operator")
    pin = "ab" * 32
    expect("wrong fingerprint", run_node(lab, "--verifier", verifier.address, "--verifier-fingerprint", pin),
           CONFIGURATION, "E-CERT", pin, "Came:", "ask the operator")
    expect("no certificate given", run_node(lab, "--verifier", verifier.address), CONFIGURATION, "E-CERT",
           "the system's authorities", "verifier.ca")
    expect("a file that is none", run_node(lab, "--verifier", verifier.address, "--ca", lab.place / "nowhere.pem"),
           CONFIGURATION, "E-C", "nowhere.pem")


def wrong_name(lab):
    """A certificate for another name: the verifier says so when it starts, and an owner who has it learns what differs."""
    data = lab.place / "renamed"
    data.mkdir(mode=0o700)
    it.check(subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
                             "9", "-subj", "/CN=x", "-addext", "subjectAltName=DNS:old.example.org", "-keyout",
                             data / "tls.key", "-out", data / "tls.crt"], capture_output=True, check=False).returncode == 0,
             "openssl makes a certificate")
    (data / "tls.key").chmod(0o600)
    words = ("tls.crt names old.example.org, not new.example.org", "move tls.crt and tls.key away")
    expect("names of the certificate, check-config", it.run_program("VERIFIER", "check-config", "--data-dir", data, "--tls-names",
                                                                    "old.example.org,new.example.org"), 0, *words)
    renamed = lab.verifier(name="renamed", policy_text=it.policy("mine"), tls_names="new.example.org").start()
    it.wait_for("the certificate's names", lambda: renamed.has_said(words[0]), 20)
    says("names of the certificate", renamed.output(), *words)
    words = ("E-CERT", "is the one you trust", "for old.example.org and not for 127.0.0.1", "verifier.fingerprint")
    expect("trusted under another name", run_node(lab, "--verifier", renamed.address, "--ca", renamed.certificate),
           CONFIGURATION, *words)
    code, out, _ = it.run_program("NODE", "doctor", "--verifier", renamed.address, "--ca", renamed.certificate, "--payout",
                                  it.PAYOUT, "--data-dir", lab.place / "named", "--backends", "cpu", "--cpu-threads", "1")
    it.check(code == 1, "doctor fails")
    says("trusted under another name, doctor", out, *words)
    it.check(renamed.stop() == 0, "it serves all the same")


def settings(lab):
    data = lab.place / "settings"
    file = lab.place / "wrong.toml"
    file.write_text("prot = 7000\n")
    expect("unknown key, verifier", run_verifier(data, "--config", file), CONFIGURATION, "E-CONFIG", "prot", "port",
           "wrong.toml")
    file.write_text("dutty = 50\n")
    expect("unknown key, node", run_node(lab, "--verifier", "127.0.0.1:1", "--config", file), CONFIGURATION, "E-CONFIG",
           "dutty", "duty", "wrong.toml")
    expect("unknown environment", run_node(lab, "--verifier", "127.0.0.1:1", environment={"VIGIL_DUTTY": "50"}),
           CONFIGURATION, "E-CONFIG", "VIGIL_DUTTY")
    expect("out of range", run_node(lab, "--verifier", "127.0.0.1:1", "--duty", "200"), CONFIGURATION, "E-CONFIG", "duty",
           "200", "100")
    expect("no address", run_node(lab), CONFIGURATION, "E-CONFIG", "verifier.address", "--verifier")
    expect("half an address", run_node(lab, "--verifier", "localhost"), CONFIGURATION, "E-CONFIG", "localhost", "host:port")
    expect("a URL", run_node(lab, "--verifier", "https://localhost:9464"), CONFIGURATION, "E-CONFIG", "https://localhost:9464",
           "host:port without https://")
    expect("no version", run_verifier(data, "--minimum-node-version", "latest"), CONFIGURATION, "E-CONFIG",
           "minimum_node_version", "latest", "--minimum-node-version", "0.1.0")
    expect("recommended below the minimum", run_verifier(data, "--minimum-node-version", "0.10", "--recommended-node-version",
                                                         "0.9"), CONFIGURATION, "E-CONFIG", "recommended_node_version",
           "0.9", "minimum_node_version, which is 0.10")
    expect("no day", run_verifier(data, "--recommended-node-version", "0.9", "--recommended-by", "soon"), CONFIGURATION,
           "E-CONFIG", "recommended_by", "soon", "2026-12-01")
    for name, arguments in (("NODE", ()), ("VERIFIER", ("--data-dir", data))):
        expect(f"no channel to try, {name}", it.run_program(name, "notify", "test", *arguments), CONFIGURATION, "E-CONFIG",
               "[[notify]]")
    expect("no address to ask", it.run_program("VERIFIER", "healthcheck", "--http-address", "localhost"), CONFIGURATION,
           "E-CONFIG", "http.address", "localhost", "--http-address", "127.0.0.1")
    for name, program in (("NODE", "vigil-node"), ("VERIFIER", "vigil-verifier")):
        for arguments, words in ((["run", "--no-such-flag"], ("--no-such-flag", f"{program} run --help")),
                                 (["run", "--http-prot", "1"], ("--http-prot", "did you mean --http-port?")),
                                 (["rum"], ("did you mean run?", f"{program} --help")), ([], ("subcommand",)),
                                 (["run", "surplus"], ("surplus",))):
            result = it.run_program(name, *arguments)
            expect(f"usage, {name} {arguments}", result, USAGE, *words)
            it.check(result[2].startswith(f"{program}: E-USAGE: "), f"the code comes first: {result[2]}")
        code, out, err = it.run_program(name, "run", "--help")
        it.check(code == 0 and "--http-port" in out and not err, f"help is no error: {code} {err}")


def each_others_environment():
    """Both programs on one machine: what only the other one knows is no mistake, and a slip still is."""
    names = {}
    for program in ("NODE", "VERIFIER"):
        _, out, _ = it.run_program(program, "config")
        keys = re.findall(r"^([a-z_]+(?:\.[a-z_]+)*) ", out, re.MULTILINE)
        names[program] = {"VIGIL_" + key.upper().replace(".", "_") for key in keys if key != "key"}
    it.check(min(map(len, names.values())) > 20, f"both have settings: {names}")
    for program, other in (("NODE", "VERIFIER"), ("VERIFIER", "NODE")):
        theirs = {name: "x" for name in names[other] - names[program]}
        code, out, err = it.run_program(program, "config", environment=theirs)
        it.check(code == 0, f"{program} stumbles over the other's environment: {out}{err}")
    expect("nobody's environment", it.run_program("VERIFIER", "config", environment={"VIGIL_PAYOTU": "0x"}), CONFIGURATION,
           "E-CONFIG", "VIGIL_PAYOTU")


def files_of_settings(lab):
    """check-config reads what run reads; a notification channel that is of no use stops nobody's proof of work."""
    file = lab.place / "channel.toml"
    file.write_text('[[notify]]\nname = "ops"\nkind = "discord"\nurl_file = "gone.url"\n')
    given = ("--verifier", "127.0.0.1:1", "--payout", it.PAYOUT, "--config", file, "--data-dir", lab.place / "channel")
    expect("no secret, node", it.run_program("NODE", "check-config", *given), CONFIGURATION, "E-KEYREAD", "gone.url")
    expect("no secret, verifier", it.run_program("VERIFIER", "check-config", "--config", file, "--data-dir", lab.place / "channel"),
           CONFIGURATION, "E-KEYREAD", "gone.url")
    verifier = lab.verifier(name="untold", policy_text=it.policy("mine"), config=file).start()
    it.wait_for("the verifier without its channel", lambda: verifier.has_said("ready"), 20)
    says("no secret, run", verifier.output(), "E-KEYREAD", "gone.url", "Nobody is told by the channel \"ops\"")
    other = lab.verifier(name="another", policy_text=it.policy("mine")).start()
    it.wait_for("its certificate", other.certificate.exists, 20)
    it.check(verifier.stop() == 0 and other.stop() == 0, "both end with 0")
    pair = ("--tls-certificate", other.certificate, "--tls-key", verifier.data / "tls.key")
    expect("a key of another certificate", it.run_program("VERIFIER", "check-config", "--data-dir", verifier.data, *pair),
           CONFIGURATION, "E-TLS", "do not belong together")
    code, out, err = it.run_program("VERIFIER", "check-config", "--data-dir", verifier.data)
    it.check(code == 0 and "usable" in out and not err, f"its own are usable: {out}{err}")


def payout(lab):
    wrong = it.PAYOUT[:-1] + "e"
    result = it.run_program("NODE", "run", "--verifier", "127.0.0.1:1", "--payout", wrong, "--data-dir", lab.place / "paid",
                            "--backends", "cpu", "--http-port", "0")
    expect("payout checksum", result, CONFIGURATION, "E-PAYOUT", "checksum", "wallet")
    result = it.run_program("NODE", "run", "--verifier", "127.0.0.1:1", "--data-dir", lab.place / "paid", "--backends", "cpu")
    expect("no payout", result, CONFIGURATION, "E-PAYOUT", "--payout")


def policies(lab):
    file = lab.place / "policy.toml"
    text = it.policy("mine")
    for wrong, words in ((text.replace("roll_call.k ", "roll_cal.k "), ("roll_cal.k", "roll_call.k")),
                         (text.replace("roll_call.k = 256", "roll_call.k = 1"), ("roll_call.k",)),
                         (text.replace("windows_per_day = 6", "windows_per_day = 7"), ("windows_per_day",)),
                         (text.replace("hourly.work_ms = 300", "hourly.work_ms = \"x\""), ("hourly.work_ms",))):
        file.write_text(wrong)
        expect(f"policy, {words[0]}", run_verifier(lab.place / "policies", "--policy", file), CONFIGURATION, "E-POLICY",
               "policy.toml", *words)
        result = it.run_program("VERIFIER", "policy", "lint", file)
        expect(f"policy lint, {words[0]}", result, CONFIGURATION, "E-POLICY", *words)
    expect("no such preset", run_verifier(lab.place / "policies", "--policy", "incentivnet-2024-10"), CONFIGURATION,
           "E-POLICY", "incentivnet-2024-10", "incentivenet-2024-10")


def keys(lab, stopped):
    key = stopped.data / "receipt.key"
    key.chmod(0o644)
    expect("verifier's key readable", run_verifier(stopped.data), CONFIGURATION, "E-KEYMODE", str(key), "644", "chmod 600")
    key.chmod(0o600)
    data = lab.place / "keymode"
    code, _, err = it.run_program("NODE", "keygen", "--data-dir", data)
    it.check(code == 0, f"keygen: {err}")
    key = data / "node.key"
    it.check(key.stat().st_mode & 0o777 == 0o600, "a new key is mode 0600")
    key.chmod(0o640)
    expect("node's key readable", run_node(lab, "--verifier", "127.0.0.1:1", name="keymode"), CONFIGURATION, "E-KEYMODE",
           str(key), "640", "chmod 600")


def stores(lab, verifier, stopped):
    kept = verifier.data / "recent.log"
    it.wait_for("the first one's log", kept.exists, 20)
    expect("second verifier on a store", run_verifier(verifier.data), CONFIGURATION, "E-LOCK", str(verifier.store_file),
           str(verifier.process.pid), "end it")
    it.check(not (verifier.data / "recent.log.new").exists() and "ready" in kept.read_text(), "the first keeps its log")
    expect("another network's store", run_verifier(stopped.data, "--network", "other"), CONFIGURATION, "E-NETWORK", "lab",
           "other")
    expect("another calendar", run_verifier(stopped.data, "--network", "lab", "--policy", "incentivenet-2024-10"),
           CONFIGURATION, "E-POLICY", "day_ms", "another data directory")
    with sqlite3.connect(stopped.store_file) as db:
        version, = db.execute("SELECT value FROM meta WHERE name = 'schema_version'").fetchone()
        db.execute("UPDATE meta SET value = 999 WHERE name = 'schema_version'")
    expect("newer store", run_verifier(stopped.data), CONFIGURATION, "E-STORE-NEWER", "999", str(version), "newer program")
    expect("newer store, audit", it.run_program("VERIFIER", "audit", "--store", stopped.store_file), CONFIGURATION,
           "E-STORE-NEWER", "999")
    foreign = lab.place / "foreign"
    foreign.mkdir()
    (foreign / "vigil.db").write_text("this is not a database, whatever its name says" * 100)
    expect("not a store", run_verifier(foreign), CONFIGURATION, "E-STORE", "vigil.db", "not")
    expect("no store to audit", it.run_program("VERIFIER", "audit", "--store", lab.place / "none.db"), CONFIGURATION,
           "E-STORE", "none.db", "no such file")


def no_permission(lab, verifier):
    """Another user's folder is not an empty one."""
    nobody = 65534
    under = ("setpriv", f"--reuid={nobody}", f"--regid={nobody}", "--clear-groups") if os.geteuid() == 0 else ()
    node = lab.place / "closed"
    node.mkdir(mode=0o700 if under else 0)
    mode = verifier.data.stat().st_mode
    if not under:
        verifier.data.chmod(0)
    try:
        result = it.run_program("VERIFIER", "version", under=under)
        if result[0] != 0:
            it.say(f"SKIPPED no permission: user {nobody} cannot run the programs here: {result[2].strip()}")
            return
        for command in (["devices"], ["audit"]):
            expect(f"no permission, {command[0]}", it.run_program("VERIFIER", *command, "--data-dir", verifier.data, under=under),
                   CONFIGURATION, "E-STORE", "vigil.db", "cannot be read by this user", "uid", "as root or as its owner")
        expect("no permission, retire", it.run_program("NODE", "retire", "--device", "GPU-1", "--verifier", "127.0.0.1:1",
                                                       "--data-dir", node, under=under),
               CONFIGURATION, "E-DATADIR", str(node), "cannot be looked into by this user", "uid", "as root or as its owner")
    finally:
        verifier.data.chmod(mode & 0o777)
        node.chmod(0o700)


def ports(lab, verifier):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = it.run_program("VERIFIER", "run", "--data-dir", lab.place / "port", "--address", "127.0.0.1", "--port",
                                port, "--http-port", it.free_port())
        expect("port taken", result, CONFIGURATION, "E-PORT", str(port), "--port")
        result = it.run_program("VERIFIER", "run", "--data-dir", lab.place / "port", "--address", "127.0.0.1", "--port",
                                it.free_port(), "--http-address", "127.0.0.1", "--http-port", port)
        expect("HTTP port taken", result, CONFIGURATION, "E-PORT", str(port), "--http-port")
        result = run_node(lab, "--verifier", "127.0.0.1:1", http_port=port)
        expect("node's HTTP port taken", result, CONFIGURATION, "E-PORT", str(port), "--http-port")
    # gRPC would share a port with another process if it were let.
    result = it.run_program("VERIFIER", "run", "--data-dir", lab.place / "port", "--address", "127.0.0.1", "--port",
                            verifier.port, "--http-port", it.free_port())
    expect("port of another verifier", result, CONFIGURATION, "E-PORT", str(verifier.port), "--port")


def test(lab):
    no_device(lab)
    no_driver(lab)
    settings(lab)
    each_others_environment()
    files_of_settings(lab)
    payout(lab)
    policies(lab)
    stopped = lab.verifier(name="stopped", policy_text=it.policy("mine")).start()
    it.check(stopped.stop() == 0, "a verifier ends with 0")
    verifier = lab.verifier(policy_text=it.policy("mine")).start()
    verifier_unreachable(lab)
    wrong_certificate(lab, verifier, stopped)
    wrong_name(lab)
    keys(lab, stopped)
    no_permission(lab, stopped)
    ports(lab, verifier)
    stores(lab, verifier, stopped)


if __name__ == "__main__":
    it.run(test)
