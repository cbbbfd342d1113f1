#!/usr/bin/env python3
"""A driver that is there only after the start: the node finds its device, enrols it and passes its checks, without being
started by hand. OpenCL's loader and CUDA's runtime look once in the life of a process, so the node becomes a fresh one."""
import pathlib
import shutil

import lab as it

ICD = pathlib.Path("/etc/OpenCL/vendors/pocl.icd")


def passed(verifier, backend):
    return verifier.value("SELECT count(*) FROM verdicts v JOIN devices d ON d.bucket = v.bucket AND d.number = v.device"
                          " WHERE v.verdict = 1 AND v.kind <> 4 AND d.uid LIKE ?", backend + ":%")


def test(lab):
    drivers = lab.place / "drivers"
    drivers.mkdir()
    if not ICD.exists():
        raise it.Skip("there is no OpenCL driver for a processor here (Debian: pocl-opencl-icd)")
    code, out, _ = it.run_program("NODE", "list-devices", "--backends", "opencl")
    if code != 0:
        raise it.Skip(f"no OpenCL device works here: {out}")
    verifier = lab.verifier(policy_text=it.policy("late", roll_call_theta_ppm=300_000, hourly_theta_ppm=300_000,
                                                  spot_theta_ppm=300_000)).start()
    node = lab.node(verifier, environment={"OCL_ICD_VENDORS": str(drivers)}, backends="opencl,cpu")
    node.arguments.append("--retune=true")  # of `run` alone: not for the process that looks
    node.start()
    node.wait_connected()
    process = node.process.pid
    it.wait_for("the CPU being enrolled", lambda: verifier.value("SELECT count(*) FROM devices") == 1, 30)
    it.check(len(node.status()["devices"]) == 1, "only the CPU works at first")

    shutil.copy(ICD, drivers)
    it.wait_for("the new device being enrolled", lambda: verifier.value("SELECT count(*) FROM devices") == 2, 150)
    it.check(node.has_said("starting anew with it"), "the node says why it starts anew")
    it.check(node.running() and node.process.pid == process, "it is the same process to whoever watches it")
    node.wait_connected()
    it.check(len(node.status()["devices"]) == 2, "both work")
    it.wait_for("a passed check of each", lambda: passed(verifier, "opencl") and passed(verifier, "cpu"), 90)
    it.check(node.output().count("starting anew with it") == 1, "once is enough")
    it.check(node.stop() == 0 and verifier.stop() == 0, "both end")


if __name__ == "__main__":
    it.run(test)
