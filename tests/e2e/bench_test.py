#!/usr/bin/env python3
"""`vigil-node bench`: the form of its JSON, what --device, --kernel and --seconds choose, exit codes, and that it stores nothing."""
import json

import lab as it

KERNEL = {"name", "hashes_per_second", "spread_ppm", "cycles_per_hash", "limit_fraction"}


def bench(*arguments):
    return it.run_program("NODE", "bench", "--backends", "cpu", "--cpu-threads", "1", *arguments, timeout=120)


def test(lab):
    data = lab.place / "none"
    code, out, err = bench("--seconds", "1", "--data-dir", data, "-o", "json")
    it.check(code == 0, f"bench ends with {code}:\n{out}{err}")
    report = json.loads(out)
    it.check(set(report) == {"devices"} and len(report["devices"]) == 1, f"one device: {out}")
    device = report["devices"][0]
    it.check(set(device) == {"uid", "name", "backend", "threads", "best", "kernels"}, f"a device's form: {sorted(device)}")
    it.check(device["backend"] == "cpu" and device["threads"] == 1, f"the device asked for: {device}")
    names = [k["name"] for k in device["kernels"]]
    it.check("scalar" in names and device["best"] in names and len(set(names)) == len(names), f"its kernels: {names}")
    for kernel in device["kernels"]:
        it.check(set(kernel) == KERNEL, f"a kernel's form: {sorted(kernel)}")
        it.check(kernel["hashes_per_second"] > 10_000, f"it was measured: {kernel}")
        it.check(kernel["spread_ppm"] is None, "one figure has no spread")
        it.check(kernel["limit_fraction"] is None, "a processor has no limit of pipes")
    it.check(not data.exists(), "bench made nothing")

    code, out, err = bench("--device", "cpu0", "--kernel", "scalar", "--seconds", "2", "-o", "json", "--data-dir", data)
    it.check(code == 0, f"one kernel: {code}:\n{err}")
    kernels = json.loads(out)["devices"][0]["kernels"]
    it.check([k["name"] for k in kernels] == ["scalar"], f"only the one asked for: {kernels}")
    it.check(isinstance(kernels[0]["spread_ppm"], int), "two figures have a spread")

    code, out, _ = bench("--kernel", "scalar", "--seconds", "1", "--data-dir", data)
    it.check(code == 0 and "scalar" in out and "cpu0" in out, f"the table: {out}")

    for wrong, what in ((("--kernel", "scaler"), "scaler"), (("--device", "cuda9"), "cuda9"), (("--seconds", "0"), "seconds")):
        code, out, err = bench(*wrong, "--data-dir", data)
        it.check(code == 2 and what in err and not out, f"{wrong}: {code} {err}")


if __name__ == "__main__":
    it.run(test)
