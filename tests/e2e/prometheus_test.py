#!/usr/bin/env python3
"""Debian's Prometheus scrapes a verifier and a node; promtool finds nothing to criticise."""
import shutil
import subprocess

import lab as it


def test(lab):
    for tool in ("prometheus", "promtool"):
        if not shutil.which(tool):
            raise it.Skip(f"there is no {tool} here (Debian: prometheus)")
    verifier = lab.verifier(policy_text=it.policy("scraped")).start()
    node = lab.node(verifier).start().wait_connected()
    it.wait_for("a verdict", lambda: verifier.value("SELECT count(*) FROM verdicts"), 90)

    for what, port, path in (("verifier", verifier.http_port, "/metrics"), ("node", node.http_port, "/metrics"),
                             ("verifier's devices", verifier.http_port, "/metrics/devices")):
        status, text = it.http_get(port, path)
        it.check(status == 200, f"{what}: {path} answers {status}")
        done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=60,
                              check=False)
        it.check(done.returncode == 0 and not done.stdout + done.stderr,
                 f"promtool on the metrics of the {what}: {done.stdout}{done.stderr}")
        series = [line for line in text.splitlines() if line and not line.startswith("#")]
        it.say(f"{what}: {len(series)} series, promtool is content")
        it.check(path != "/metrics" or what != "verifier" or len(series) < 500, "the verifier stays under 500 series")

    config = lab.place / "prometheus.yml"
    targets = {"verifier": verifier.http_port, "node": node.http_port}
    config.write_text("global: {scrape_interval: 1s}\nscrape_configs:\n" + "".join(
        f"  - {{job_name: {job}, static_configs: [{{targets: ['127.0.0.1:{port}']}}]}}\n" for job, port in targets.items()))
    port = it.free_port()
    it.Process(lab, "prometheus", ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={lab.place}/tsdb",
                                   f"--web.listen-address=127.0.0.1:{port}"]).start()
    it.wait_for("Prometheus finding both up", lambda: {
        one["metric"]["job"] for one in it.prometheus_query(port, "up == 1")} == set(targets), 60, every=0.5)
    for expression in ("vigil_verifier_devices", "vigil_node_hashes_total", "vigil_verifier_build_info",
                       "vigil_node_build_info", "vigil_node_verifier_connected == 1"):
        it.wait_for(f"a value of {expression}", lambda wanted=expression: it.prometheus_query(port, wanted), 15, every=0.5)
    it.check(not it.prometheus_query(port, "up == 0"), "nothing is down")


if __name__ == "__main__":
    it.run(test)
