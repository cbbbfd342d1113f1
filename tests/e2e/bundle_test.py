#!/usr/bin/env python3
"""What `vigil-node bundle` and `vigil-verifier bundle` write: all that helps, no byte of a key, no password."""
import base64
import os
import stat
import tarfile

import lab as it

HUSH = "hush-4711-hush"  # a password wherever an owner may have written one


def bundle(lab, program, *arguments):
    archive = lab.place / f"{program.lower()}.tar"
    code, out, err = it.run_program(program, "bundle", "--output", archive, *arguments, cwd=lab.place, timeout=120)
    it.check(code == 0, f"{program} bundle: exit {code}: {out}{err}")
    it.check(stat.S_IMODE(archive.stat().st_mode) == 0o600, f"mode {oct(archive.stat().st_mode)}")
    with tarfile.open(archive) as tar:
        files = {member.name.split("/", 1)[1]: tar.extractfile(member).read() for member in tar.getmembers()}
    for name in files:
        it.check(name in out, f"{name} is inside and the program does not say so: {out}")
    again, _, err = it.run_program(program, "bundle", "--output", archive, *arguments, cwd=lab.place, timeout=120)
    it.check(again == 3 and "E-KEYEXISTS" in err, f"a bundle is never overwritten: {again} {err}")
    return files, archive.read_bytes()


def check_without(whole, key_files):
    it.check(HUSH.encode() not in whole, "a password is inside")
    for file in key_files:
        text = file.read_text()
        lines = [line for line in text.splitlines() if line and not line.startswith("-----")]
        it.check(lines, f"{file} is empty")
        for line in lines:
            forms = {line.encode()}
            try:
                raw = bytes.fromhex(line)
                forms |= {raw, base64.b64encode(raw), line.upper().encode()}
            except ValueError:
                forms.add(base64.b64decode(line))
            for form in forms:
                it.check(form not in whole, f"a line of {file} is inside")


def test(lab):
    verifier = lab.verifier(policy_text=it.policy("bundle", day_ms=96_000)).start()
    settings = lab.place / "node.toml"
    settings.write_text(f"""
[[workload]]
name = "engine"
http = "http://127.0.0.1:{it.free_port()}/{HUSH}?token={HUSH}"
interval = 1
failures = 1
[[workload]]
name = "helper"
exec = ["/bin/false", "--password", "{HUSH}"]
[hook.on_workload_failed]
run = ["/bin/sh", "-c", "echo $0; exit 1", "{HUSH}"]
""")
    node = lab.node(verifier, config=settings).start().wait_connected()
    it.wait_for("the workload failing", lambda: node.has_said("workload engine (http 127.0.0.1"), 30)

    given = ["--config", settings, "--data-dir", node.data, "--http-port", node.http_port, "--backends", "cpu",
             "--cpu-threads", 1, "--verifier", verifier.address, "--ca", verifier.certificate, "--payout", it.PAYOUT]
    files, whole = bundle(lab, "NODE", *given)
    check_without(whole, [node.data / "node.key"])
    for name, words in (("versions.txt", "vigil-node "), ("config.toml", "file "), ("doctor.txt", "workload"),
                        ("doctor.json", "\"would_pass\""), ("status.json", "\"workloads\""),
                        ("metrics.txt", "vigil_node_build_info")):
        it.check(words in files[name].decode(), f"{name} lacks {words!r}: {files[name][:400]}")
    it.check(node.stop(40) == 0, "the node ends")
    log = (node.data / "recent.log").read_text()
    it.check("connected to " in log and "stopped" in log, "the last log lines are kept")

    verifier_given = ["--data-dir", verifier.data, "--http-address", "127.0.0.1", "--http-port", verifier.http_port]
    files, whole = bundle(lab, "VERIFIER", *verifier_given)
    check_without(whole, [verifier.data / "receipt.key", verifier.data / "tls.key"])
    for name, words in (("versions.txt", "vigil-verifier "), ("config.toml", "data_dir"), ("ready.txt", "ready"),
                        ("metrics.txt", "vigil_verifier_build_info"), ("store.txt", "enrolments 1")):
        it.check(words in files[name].decode(), f"{name} lacks {words!r}: {files[name][:400]}")
    it.check(verifier.stop() == 0, "the verifier ends")
    os.remove(lab.place / "verifier.tar")
    files, whole = bundle(lab, "VERIFIER", *verifier_given)
    check_without(whole, [verifier.data / "receipt.key", verifier.data / "tls.key"])
    it.check("no running verifier answers" in files["ready.txt"].decode(), "it says that nobody answers")
    it.check("ready" in files["log.txt"].decode(), f"the log of before is inside: {files['log.txt'][:300]}")


if __name__ == "__main__":
    it.run(test)
