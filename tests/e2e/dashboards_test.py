#!/usr/bin/env python3
"""Every query of every dashboard and rule that we ship, asked of a real Prometheus with our configuration."""
import json
import pathlib
import re
import shutil
import subprocess
import tempfile
import time

import lab as it

DEPLOY = pathlib.Path(__file__).resolve().parents[2] / "deploy"
# What this machine's devices may have nothing to say about: sensors of cards.
SENSORS = re.compile(r"vigil_node_gpu_(temperature_celsius|power_watts|memory_used_bytes|energy_joules_total)")
NAME = re.compile(r"\b(?:vigil_|process_|up\b)[a-z0-9_]*|\b(?:job|instance|instance_gpu):[a-z0-9_:]+")


def dashboards():
    for file in sorted((DEPLOY / "grafana" / "dashboards").glob("*.json")):
        yield file.name, json.loads(file.read_text())


def exposed_names(texts):
    names = {"up"}
    for text in texts:
        for line in text.splitlines():
            if line.startswith("# TYPE "):
                _, _, name, kind = line.split()
                names |= {name} | ({f"{name}_bucket", f"{name}_sum", f"{name}_count"} if kind == "histogram" else set())
    return names


def start_prometheus(lab, targets):
    """Ours as shipped, but for where things are and how often it looks."""
    text = (DEPLOY / "prometheus" / "prometheus.yml").read_text()
    text = re.sub(r"(scrape|evaluation)_interval: \w+", r"\1_interval: 1s", text)
    for written, port in targets.items():
        it.check(written in text, f"prometheus.yml scrapes {written}")
        text = text.replace(written, f"127.0.0.1:{port}")
    place = lab.place / "prometheus"
    place.mkdir()
    (place / "prometheus.yml").write_text(text)
    for name in ("recording.yml", "alerts.yml"):
        shutil.copy(DEPLOY / "prometheus" / name, place)
    port = it.free_port()
    it.Process(lab, "prometheus_server", ["prometheus", f"--config.file={place}/prometheus.yml",
                                          f"--storage.tsdb.path={place}/tsdb", f"--web.listen-address=127.0.0.1:{port}"]).start()
    it.wait_for("Prometheus finding all up", lambda: len([1 for one in it.prometheus_query(port, "up") if one["value"][1] == "1"]) == 3, 60,
                every=0.5)
    return port


def test(lab):
    for tool in ("prometheus", "promtool"):
        if not shutil.which(tool):
            raise it.Skip(f"there is no {tool} here (Debian: prometheus)")
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([DEPLOY / "grafana" / "dashboards.py", folder], check=True, timeout=60)
        for name, shipped in dashboards():
            it.check(json.loads((pathlib.Path(folder) / name).read_text()) == shipped,
                     f"{name} is not what dashboards.py writes: run it")
    verifier = lab.verifier(policy_text=it.policy("shown", day_ms=90_000)).start()
    node = lab.node(verifier).start().wait_connected()
    port = start_prometheus(lab, {"localhost:9463": verifier.http_port, "localhost:9465": node.http_port})
    it.wait_for("a closed window", lambda: verifier.value("SELECT count(*) FROM windows WHERE roll_call_valid = 1"), 120)
    it.wait_for("Prometheus having seen it", lambda: it.prometheus_query(port, "vigil_verifier_network_hashes_per_second > 0"), 15, every=0.5)
    time.sleep(3)  # the recording rules see what was scraped

    names = exposed_names(it.http_get(where, path)[1] for where, path in (
        (verifier.http_port, "/metrics"), (verifier.http_port, "/metrics/devices"), (node.http_port, "/metrics")))
    recorded = set(re.findall(r"record: (\S+)", (DEPLOY / "prometheus" / "recording.yml").read_text()))
    device = verifier.rows("SELECT hex(id) FROM devices")[0][0].lower()
    asked = 0
    for name, board in dashboards():
        for panel in board["panels"]:
            it.check(panel["title"] and panel["description"] and panel["fieldConfig"]["defaults"]["unit"],
                     f"{name}: a panel without title, description or unit: {panel['title']}")
            for target in panel["targets"]:
                expression = target["expr"].replace("$job", ".*").replace("$instance", ".*").replace("$device", device)
                unknown = set(NAME.findall(re.sub(r'"[^"]*"|by \([^)]*\)', "", expression))) - names - recorded
                unknown = {one for one in unknown if not SENSORS.match(one)}
                it.check(not unknown, f"{name}, {panel['title']}: no program exposes {unknown}")
                rows = it.prometheus_query(port, expression)
                it.check(rows or SENSORS.search(expression), f"{name}, {panel['title']}: no data for {expression}")
                asked += 1
    it.check(asked > 50, f"only {asked} queries were found")
    it.say(f"{asked} queries of the dashboards have data")
    for file in ("recording.yml", "alerts.yml"):
        text = (DEPLOY / "prometheus" / file).read_text()
        for expression in re.findall(r"expr: (?:>\n((?: {10,}.*\n)+)|(.*))", text):
            for metric in NAME.findall(re.sub(r'"[^"]*"|by \([^)]*\)|on \([^)]*\)', "", "".join(expression))):
                it.check(metric in names | recorded or SENSORS.match(metric), f"{file}: no program exposes {metric}")
    failing = [rule for group in json.loads(it.http_get(port, "/api/v1/rules")[1])["data"]["groups"]
               for rule in group["rules"] if rule["health"] != "ok"]
    it.check(not failing, f"rules that fail: {failing}")

    # The top row tells the truth. Asked of one moment: no window may close in between.
    def told():
        before = verifier.value("SELECT max(window_index) FROM closed_windows")
        online, rate = (float(it.prometheus_query(port, f"max({one})")[0]["value"][1]) for one in (
            'vigil_verifier_devices{state="online"}', "vigil_verifier_network_hashes_per_second"))
        truth = verifier.rows("SELECT sum(outcome = 1), sum(roll_call_rate * roll_call_valid) FROM windows WHERE window_index = ?",
                              before)[0]
        return (online, rate) == tuple(map(float, truth))
    it.wait_for("the dashboard's top row agreeing with the store", told, 20, every=1)


if __name__ == "__main__":
    it.run(test)
