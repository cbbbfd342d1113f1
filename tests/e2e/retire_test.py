#!/usr/bin/env python3
"""vigil-node retire and --undo: the verifier sees both, nothing is asked of a retired device, and its standing resumes.
And what people get wrong with it."""
import pathlib
import time

import lab as it

USAGE, CONFIGURATION, REFUSED = 2, 3, 6
DAY_MS, WINDOWS = 24_000, 6


def retire(lab, node, verifier, *arguments, data=None):
    settings = ["--data-dir", data or node.data, "--http-port", node.http_port, "--backends", "cpu"]
    if verifier:
        settings += ["--verifier", verifier.address, "--ca", verifier.certificate]
    return it.run_program("NODE", "retire", *arguments, *settings, cwd=lab.place)


def expect(name, result, code, *words):
    ended, out, err = result
    it.check(ended == code, f"{name}: exit code {ended} where {code} is expected:\n{out}{err}")
    for word in words:
        it.check(word in out + err, f"{name}: the message lacks {word!r}:\n{out}{err}")
    it.say(f"{name}: exit {ended}: {(err or out).strip().splitlines()[-1][:200]}")


def retired_from(verifier):
    return verifier.value("SELECT retired_from FROM devices")


def kept(node):
    file = pathlib.Path(node.data) / "retired"
    return file.read_text().splitlines() if file.exists() else []


def status_table(node):
    code, out, err = it.run_program("NODE", "status", "--http-port", node.http_port)
    it.check(code == 0, f"status: {err}")
    return out


def device_page(verifier, device):
    code, text = it.http_get(verifier.http_port, f"/devices/{device}")
    it.check(code == 200, f"the device's page: {code}")
    return text


def wrong_uses(lab, node, verifier):
    expect("no device named", retire(lab, node, verifier), USAGE, "--device")
    expect("no such device", retire(lab, node, verifier, "--device", "gpu7"), USAGE, "E-DEVICE", "gpu7", "cpu0", "cpu:")
    expect("no key there", retire(lab, node, verifier, "--device", "cpu0", data=lab.place / "elsewhere"), CONFIGURATION,
           "E-CONFIG", "elsewhere", "no node key", "--data-dir")
    expect("no verifier named", retire(lab, node, None, "--device", "cpu0"), CONFIGURATION, "E-CONFIG", "verifier.address",
           "--verifier", "--ca")
    expect("a device of nobody", retire(lab, node, verifier, "--device", "ab" * 32), REFUSED, "E-REFUSED", "ab" * 32,
           "not enrolled")
    expect("undo of what was not retired", retire(lab, node, None, "--undo", "--device", "cpu0"), 0, "was not retired")
    it.check(not (lab.place / "elsewhere").exists(), "a wrong folder is not made")
    it.check(kept(node) == [] and retired_from(verifier) is None, "nothing was retired by any of these")


def test(lab):
    verifier = lab.verifier(policy_text=it.policy(
        "leaving", day_ms=DAY_MS, windows_per_day=WINDOWS, slots_per_window=1, roll_call_work_ms=500,
        roll_call_slack_ms=1000, roll_call_theta_ppm=300_000, spot_per_window=0, calibration_work_ms=500,
        calibration_slack_ms=1000)).start()
    node = lab.node(verifier).start().wait_connected()
    it.wait_for("a passed roll call", lambda: verifier.value(
        "SELECT count(*) FROM verdicts WHERE kind = 1 AND verdict = 1"), 60)
    wrong_uses(lab, node, verifier)

    device = node.status()["devices"][0]
    result = retire(lab, node, verifier, "--device", "cpu0")
    day = retired_from(verifier)
    date = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(day * DAY_MS // 1000)).replace(":00 UTC", " UTC")
    expect("retired by its label", result, 0, device["device_id"], "its balance stays", f"which begins {date}")
    it.wait_for("the node saying when", lambda: f", retires {date}" in status_table(node), 10)
    it.check(node.has_said(f"cpu0 retires {date}"), "its log says it")
    it.check(f"retires {date} (day {day})" in device_page(verifier, device["device_id"]), "its page of the verifier says it")
    it.check(day is not None and [line.split()[0] for line in kept(node)] == [device["device_id"]],
             "verifier and node know of it")
    expect("retired again by its uid", retire(lab, node, verifier, "--device", device["uid"]), 0, f"from day {day} on")
    it.check(retired_from(verifier) == day and len(kept(node)) == 1, "the second time changes nothing")

    it.check(node.stop() == 0, "the node ends")
    node.start()
    node.wait_connected()
    it.check(node.has_said("was retired and is not enrolled again"), "the node says why it does not enrol it")
    it.check(retired_from(verifier) == day, "a restart does not bring the device back")
    it.wait_for("two windows of its first day away being closed", lambda: (verifier.value(
        "SELECT max(window_index) FROM closed_windows") or 0) >= day * WINDOWS + 1, 90)
    it.check(verifier.value("SELECT count(*) FROM verdicts WHERE start_ms >= ?", day * DAY_MS) == 0,
             "nothing is asked of a retired device")
    it.check(f"retired since {date}" in status_table(node), "the node says that it is over")
    it.check(not node.has_said("was refused"), "and answers nothing that nobody asked")
    page = device_page(verifier, device["device_id"])
    it.check("retired since" in page and "this device is retired by then" in page and "under way" not in page, "so does its page")

    expect("undone", retire(lab, node, None, "--undo", "--device", "cpu0"), 0, device["uid"], "the next time")
    it.check(kept(node) == [] and retired_from(verifier) == day, "the next start enrols it")
    it.check(node.stop() == 0, "the node ends")
    node.start()
    it.wait_for("the device being enrolled again", lambda: retired_from(verifier) is None, 30)
    it.check(verifier.value("SELECT count(*) FROM devices") == 1, "it is the same device")
    it.wait_for("a passed roll call after its return", lambda: verifier.value(
        "SELECT count(*) FROM verdicts WHERE kind = 1 AND verdict = 1 AND start_ms >= ?", day * DAY_MS), 60)
    settled = verifier.value("SELECT max(day) FROM settled_days")
    it.wait_for("a day being settled", lambda: verifier.value("SELECT max(day) FROM settled_days") > settled, 60)
    it.check(node.stop() == 0 and verifier.stop() == 0, "both end")
    verifier.audit()


if __name__ == "__main__":
    it.run(test)
