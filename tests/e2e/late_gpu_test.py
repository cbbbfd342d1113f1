#!/usr/bin/env python3
"""A GPU whose driver comes after the start, with the usual choice of devices: the CPU that was enrolled meanwhile goes on
beside it, in the restart that the node makes itself and in later ones, until its owner retires it."""
import json
import shutil

import lab as it
from late_driver_test import ICD, passed


def backends(node):
    return sorted(device["backend"] for device in node.status()["devices"])


def test(lab):
    drivers = lab.place / "drivers"
    drivers.mkdir()
    pretending = {"LD_PRELOAD": it.program("GPU_PRETENDER")}
    if not ICD.exists():
        raise it.Skip("there is no OpenCL driver for a processor here (Debian: pocl-opencl-icd)")
    code, out, _ = it.run_program("NODE", "list-devices", "-o", "json", environment=pretending)
    found = [device["backend"] for device in json.loads(out)["devices"]] if code == 0 else []
    if found != ["opencl"]:
        raise it.Skip(f"this needs no GPU and one OpenCL device that passes for one, and here are: {found}")
    verifier = lab.verifier(policy_text=it.policy("late", roll_call_theta_ppm=300_000, hourly_theta_ppm=300_000,
                                                  spot_theta_ppm=300_000)).start()
    node = lab.node(verifier, environment={"OCL_ICD_VENDORS": str(drivers), **pretending}, backends=None).start()
    node.wait_connected()
    it.wait_for("the CPU being enrolled", lambda: verifier.value("SELECT count(*) FROM devices") == 1, 30)
    it.check(backends(node) == ["cpu"], "only the CPU works at first")

    shutil.copy(ICD, drivers)
    it.wait_for("the GPU being enrolled", lambda: verifier.value("SELECT count(*) FROM devices") == 2, 150)
    node.wait_connected()
    it.check(backends(node) == ["cpu", "opencl"], "the enrolled CPU goes on beside the GPU")
    before = passed(verifier, "cpu")
    it.wait_for("a passed check of the CPU beside the GPU", lambda: passed(verifier, "cpu") > before, 90)

    it.check(node.stop() == 0, "the node ends")
    node.start().wait_connected()
    it.check(backends(node) == ["cpu", "opencl"], "a later start keeps it too")
    code, out, err = it.run_program("NODE", "retire", "--device", "cpu0", "--data-dir", node.data, "--http-port",
                                    node.http_port, "--verifier", verifier.address, "--ca", verifier.certificate)
    it.check(code == 0, f"the CPU is retired: {out}{err}")
    it.check(node.stop() == 0, "the node ends")
    node.start().wait_connected()
    it.check(backends(node) == ["opencl"], "a retired CPU is left out beside a GPU")
    it.check(node.stop() == 0 and verifier.stop() == 0, "both end")


if __name__ == "__main__":
    it.run(test)
