#!/usr/bin/env python3
"""`vigil-node doctor` against a real verifier: a good set-up, one that was measured before, and what people break."""
import json
import stat

import lab as it


def doctor(*settings, environment=None, http_port=0):
    """(exit code, its JSON)."""
    code, out, err = it.run_program("NODE", "doctor", "--json", "--backends", "cpu", "--cpu-threads", "1", "--http-port",
                                    http_port, *settings, environment=environment)
    it.check(code in (0, 1), f"doctor ends with {code}:\n{out}{err}")
    report = json.loads(out)
    fails = [f for f in report["findings"] if f["level"] == "fail"]
    it.check(code == (1 if fails else 0), f"exit {code} with {fails}")
    for finding in report["findings"]:
        it.check(set(finding) == {"level", "area", "what", "fix", "code"}, f"its form: {finding}")
        it.check((finding["level"] == "ok") == (finding["fix"] is None), f"what is not ok has a fix: {finding}")
        if finding["level"] != "ok":
            it.say(f"{finding['level']} {finding['area']} {finding['what'][:110]} -> {finding['fix'][:70]}")
    return code, report


def areas(report, level):
    return [f["area"] for f in report["findings"] if f["level"] == level]


def the(report, area, level=None):
    found = [f for f in report["findings"] if f["area"] == area and level in (None, f["level"])]
    it.check(found, f"a finding of {area} {level or ''} in {json.dumps(report, indent=1)}")
    return found[0]


def everything(folder):
    """Names, modes, times and contents below a folder."""
    return {str(p): (p.stat().st_mode, p.stat().st_mtime_ns, p.read_bytes() if p.is_file() else b"")
            for p in [folder, *folder.rglob("*")]}


def good(lab, verifier):
    data = lab.place / "fresh"
    code, report = doctor("--verifier", verifier.address, "--ca", verifier.certificate, "--payout", it.PAYOUT,
                          "--data-dir", data)
    it.check(code == 0 and report["would_pass"] is True, f"a good set-up: {report}")
    for area in ("config", "key", "driver", "opencl", "hashing", "dns", "tcp", "tls", "grpc", "version", "clock",
                 "deadline", "pass"):
        it.check(area in areas(report, "ok"), f"{area} is ok: {report}")
    it.check("same results as the reference" in the(report, "hashing")["what"], "hashing was checked")
    it.check("not enrolled yet" in the(report, "pass")["what"], "and the device is new")
    it.check(not data.exists(), "doctor made nothing")


def measured_before(lab, verifier):
    node = lab.node(verifier, name="known").start()
    it.wait_for("a baseline", lambda: verifier.value("SELECT COUNT(*) FROM verdicts WHERE verdict = 1"), 60)
    node.wait_connected()
    settings = ("--verifier", verifier.address, "--ca", verifier.certificate, "--payout", it.PAYOUT, "--data-dir", node.data)

    def held_to():
        _, report = doctor(*settings)
        said = the(report, "pass")
        return said if "of its baseline" in said["what"] else None
    code, report = doctor(*settings, http_port=node.http_port)
    it.check("runs here" in the(report, "node")["what"] and "beside the running node" in the(report, "hashing")["what"],
             f"a running node is noticed: {report}")
    it.check(node.stop() == 0, "the node ends")
    before = everything(node.data)
    said = it.wait_for("its baseline being known", held_to, 30, every=1)
    it.check("a roll call asks for 70 %" in said["what"], said["what"])
    it.check(everything(node.data) == before, "doctor changed nothing")
    code, out, _ = it.run_program("NODE", "doctor", "--backends", "cpu", "--http-port", "0", *settings)
    seed = (node.data / "node.key").read_text().strip()
    it.check(seed not in out and seed not in json.dumps(report), "no secret is shown")
    it.check(all(len(line) > 20 and line.split()[0] in ("ok", "warn", "fail") for line in out.splitlines()[:-1]),
             f"one line a finding:\n{out}")
    # The same, with its key readable by others.
    key = node.data / "node.key"
    key.chmod(0o644)
    code, report = doctor(*settings)
    said = the(report, "key", "fail")
    it.check(code == 1 and said["code"] == "E-KEYMODE" and said["fix"] == f"chmod 600 '{key}'", f"key mode: {said}")
    it.check(report["would_pass"] is False and the(report, "grpc")["level"] == "ok", "and the rest is looked at")
    it.check(stat.S_IMODE(key.stat().st_mode) == 0o644, "doctor does not repair it")


def unreachable(lab):
    port = it.free_port()
    code, report = doctor("--verifier", f"127.0.0.1:{port}", "--data-dir", lab.place / "none")
    said = the(report, "tcp", "fail")
    it.check(code == 1 and said["code"] == "E-UNREACHABLE" and str(port) in said["what"] and "refused" in said["what"],
             f"unreachable: {said}")
    it.check("dns" in areas(report, "ok") and "hashing" in areas(report, "ok"), "the rest is looked at")
    it.check("grpc" not in areas(report, "ok") and report["would_pass"] is False, "the way ends there")
    _, report = doctor("--verifier", "no-such-host.invalid:9464", "--data-dir", lab.place / "none")
    it.check("no-such-host.invalid" in the(report, "dns", "fail")["what"], "a name that does not resolve")


def wrong_certificate(lab, verifier, other):
    code, report = doctor("--verifier", verifier.address, "--ca", other, "--data-dir", lab.place / "none")
    said = the(report, "tls", "fail")
    it.check(code == 1 and said["code"] == "E-CERT" and "--ca" in said["fix"] and "Came:" in said["what"], f"{said}")
    it.check("tcp" in areas(report, "ok") and "grpc" not in areas(report, "ok"), "the way ends there")
    _, report = doctor("--verifier", f"127.0.0.1:{verifier.http_port}", "--data-dir", lab.place / "none")
    it.check("does not speak TLS" in the(report, "tls", "fail")["what"], "another port of the verifier")


def broken_settings(lab, verifier):
    file = lab.place / "broken.toml"
    file.write_text(f"dutty = 5\n[verifier]\naddress = \"{verifier.address}\"\nca = \"{verifier.certificate}\"\n")
    code, report = doctor("--config", file, "--data-dir", lab.place / "none", environment={"VIGIL_DUTY": "500"})
    said = [f for f in report["findings"] if f["area"] == "config"]
    it.check(code == 1 and len(said) == 2 and all(f["code"] == "E-CONFIG" for f in said), f"settings: {said}")
    it.check("duty" in said[0]["fix"], f"a suggestion: {said[0]}")
    it.check("grpc" in areas(report, "ok"), "the good settings are used")
    file.write_text("this is = = no TOML\n")
    code, report = doctor("--config", file, "--data-dir", lab.place / "none", "--verifier", verifier.address, "--ca",
                          verifier.certificate)
    it.check(code == 1 and the(report, "config", "fail")["code"] == "E-CONFIG", "a file that is none")
    it.check("grpc" in areas(report, "ok"), "and the flags are used")
    code, _, err = it.run_program("NODE", "doctor", "--duty", "500")
    it.check(code == 3 and "E-CONFIG" in err, f"a wrong flag is the caller's: {code} {err}")


def without_verifier(lab):
    code, report = doctor("--data-dir", lab.place / "none")
    it.check(code == 0 and report["would_pass"] is None, f"without a verifier: {report}")
    it.check("--verifier" in the(report, "verifier", "warn")["fix"], "which it says")


def test(lab):
    stopped = lab.verifier(name="other").start()
    it.check(stopped.stop() == 0, "the other verifier made its certificate")
    verifier = lab.verifier(policy_text=it.policy("doctor")).start()
    good(lab, verifier)
    without_verifier(lab)
    unreachable(lab)
    wrong_certificate(lab, verifier, stopped.certificate)
    broken_settings(lab, verifier)
    measured_before(lab, verifier)


if __name__ == "__main__":
    it.run(test)
