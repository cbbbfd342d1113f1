#!/usr/bin/env python3
"""A device above temp_stop rests until temp_start, a lost one is named: all by what the driver says while the node runs.

The driver is a library of the tests under the name of NVIDIA's; its card has the uid of the processor that stands in for it.
"""
import os

import lab as it


class Card:
    """The one card of the library, as its file says from now on."""

    def __init__(self, lab):
        self.file = lab.place / "cards"
        self.uid = None
        self.say("")

    def say(self, *lines):
        text = "driver 550.54\n" + (f"gpu {self.uid}\n" if self.uid else "") + "".join(f"{line}\n" for line in lines)
        new = self.file.with_suffix(".new")
        new.write_text(text)
        new.rename(self.file)


def test(lab):
    library = os.environ.get("VIGIL_FAKE_NVML")
    it.check(library, "VIGIL_FAKE_NVML names no library")
    verifier = lab.verifier(policy_text=it.policy("limits", day_ms=96_000)).start()
    card = Card(lab)
    node = lab.node(verifier, temp_stop=85, temp_start=70,
                    environment={"LD_LIBRARY_PATH": os.path.dirname(library), "FAKE_NVML_FILE": str(card.file)})
    node.start().wait_connected()

    def device():
        return node.status()["devices"][0]

    def passed():
        return verifier.value("SELECT count(*) FROM verdicts WHERE verdict = 1")

    def metric(name):
        status, text = it.http_get(node.http_port, "/metrics")
        it.check(status == 200, f"/metrics of the node: {status}")
        return [line for line in text.splitlines() if line.startswith(f"vigil_node_{name}")]

    it.check(not metric("gpu_temperature_celsius"), "no series before there is a reading")
    card.uid = device()["uid"]
    card.say("temperature 61", "power_mw 210000", "energy_mj 5000000", "memory 24000000000 1000000000")
    it.wait_for("the readings being shown", lambda: device()["health"]["temperature_celsius"] == 61, 20)
    it.wait_for("a check passed", lambda: passed() > 0, 60)
    for line in ('gpu_temperature_celsius{gpu="cpu0"} 61', 'gpu_power_watts{gpu="cpu0"} 210',
                 'gpu_energy_joules_total{gpu="cpu0"} 5000', 'gpu_memory_used_bytes{gpu="cpu0"} 1000000000'):
        it.check(metric(line), f"/metrics has {line}")

    card.say("temperature 91")
    it.wait_for("the device being paused", lambda: device()["paused"], 20)
    it.check(device()["state"].startswith("paused: 91 °C, temp_stop is 85 °C; goes on at 70 °C"), device()["state"])
    it.check(node.has_said("cpu0 paused: 91 °C, temp_stop is 85 °C"), "the log says so")
    it.wait_for("a check missed and counted", lambda: device()["paused"]["checks_missed"] > 0, 60)
    card.say("temperature 75")
    hashes = device()["hashes_total"]
    missed = device()["paused"]["checks_missed"]
    it.wait_for("another one: 75 °C is not yet cool", lambda: device()["paused"]["checks_missed"] > missed, 60)
    it.check(device()["hashes_total"] == hashes, "a paused device does nothing")
    it.check(metric('checks_total{kind="') and any(
        'result="paused"' in line and not line.endswith(" 0") for line in metric("checks_total")), "and the metrics, too")
    it.check(metric('gpu_paused{gpu="cpu0",reason="temperature"} 1'), "the metrics name the reason")
    code, text, _ = it.run_program("NODE", "status", "--http-port", node.http_port)
    it.check(code == 0 and "checks missed: 75 °C, temp_stop is 85 °C" in text, f"status says so: {text}")

    card.say("temperature 70")
    it.wait_for("the device going on", lambda: device()["paused"] is None, 20)
    before = passed()
    it.wait_for("a check passed again", lambda: passed() > before, 90)

    card.say("temperature 70", "lost")
    it.wait_for("the card being lost", lambda: device()["state"].startswith("lost: GPU is lost"), 20)
    it.check(metric('kernel_errors_total{code="lost",gpu="cpu0"} 1'), "a lost card is counted once")
    card.say("temperature 60")
    it.wait_for("the card being back", lambda: device()["health"]["presence"] == "present", 20)

    card.say("temperature 60", "hang")
    it.wait_for("a hung driver being unknown", lambda: device()["health"]["presence"] == "unknown", 30)
    it.check(device()["health"]["temperature_celsius"] is None, "a stale reading is none")
    before = passed()
    it.wait_for("a check passed although the driver hangs", lambda: passed() > before, 90)
    it.check(node.stop(40) == 0, "the node ends although a thread is stuck in the driver")


if __name__ == "__main__":
    it.run(test)
