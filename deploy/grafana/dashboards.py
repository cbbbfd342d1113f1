#!/usr/bin/env python3
"""Writes the dashboards: deploy/grafana/dashboards.py [FOLDER], by default the folder beside it.

What a panel shows is said here once; the JSON is what Grafana wants to read. A test writes them anew and compares.
"""
import json
import pathlib
import sys

SOURCE = {"type": "prometheus", "uid": "${source}"}
# Name and uid in provisioning/datasources; whoever imports a dashboard elsewhere chooses another at its top.
PROVISIONED = ("Prometheus", "vigil-prometheus")
GREEN, YELLOW, RED, BLUE, GREY = "#3fa45b", "#d9a514", "#d64b4b", "#4c8bd9", "#8a8f98"


def steps(*levels):
    """Colours by value: steps(GREEN, (1, RED)) is green below 1."""
    return [{"color": one, "value": None} if isinstance(one, str) else {"color": one[1], "value": one[0]} for one in levels]


def panel(kind, title, about, unit, queries, *, w, h, levels=None, colours=None, stack=False, options=None, decimals=None,
          instant=False):
    if isinstance(queries, str):
        queries = [(queries, "")]
    default = {"unit": unit, "thresholds": {"mode": "absolute", "steps": levels or steps(BLUE)}}
    if decimals is not None:
        default["decimals"] = decimals
    if kind == "timeseries":
        default["custom"] = {"drawStyle": "line", "lineWidth": 1, "fillOpacity": 20 if stack else 5, "showPoints": "never",
                             "spanNulls": True, "stacking": {"mode": "normal" if stack else "none", "group": "A"}}
        if not levels:
            default["color"] = {"mode": "palette-classic"}
    else:
        default["color"] = {"mode": "thresholds"}
    overrides = [{"matcher": {"id": "byName", "options": name},
                  "properties": [{"id": "color", "value": {"mode": "fixed", "fixedColor": colour}}]}
                 for name, colour in (colours or {}).items()]
    usual = {"timeseries": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi", "sort": "desc"}},
             "stat": {"colorMode": "value", "graphMode": "area", "reduceOptions": {"calcs": ["lastNotNull"]}, "textMode": "auto"},
             "bargauge": {"displayMode": "basic", "orientation": "horizontal", "reduceOptions": {"calcs": ["lastNotNull"]}},
             "heatmap": {"calculate": False, "yAxis": {"unit": unit}, "color": {"scheme": "Greens", "mode": "scheme"}},
             "table": {"showHeader": True}}
    # Grafana shows the labels of a table's rows, and beside them a time and a 1 that say nothing.
    hidden = [{"id": "organize", "options": {"excludeByName": {"Time": True, "Value": True}}}]
    more = {"transformations": hidden} if kind == "table" else {}
    return {"type": kind, "title": title, "description": about, "datasource": SOURCE, "w": w, "h": h, **more,
            "fieldConfig": {"defaults": default, "overrides": overrides},
            "options": {**usual[kind], **(options or {})},
            "targets": [{"refId": chr(ord("A") + i), "datasource": SOURCE, "expr": expr, "legendFormat": legend or "__auto",
                         "instant": instant or kind == "table", "range": not (instant or kind == "table"),
                         "format": {"heatmap": "heatmap", "table": "table"}.get(kind, "time_series")}
                        for i, (expr, legend) in enumerate(queries)]}


def placed(rows):
    """Panels row by row, each row as high as its highest."""
    out, y = [], 0
    for row in rows:
        x = 0
        for one in row:
            one["gridPos"] = {"x": x, "y": y, "w": one.pop("w"), "h": one.pop("h")}
            one["id"] = len(out) + 1
            x += one["gridPos"]["w"]
            out.append(one)
        assert x <= 24, [one["title"] for one in row]
        y += max(one["gridPos"]["h"] for one in row)
    return out


def variable(name, label, query, **more):
    return {"type": "query", "name": name, "label": label, "datasource": SOURCE, "query": {"query": query, "refId": name},
            "definition": query, "refresh": 2, "sort": 1, **more}


def dashboard(uid, title, about, rows, variables=(), refresh="30s", since="now-24h"):
    source = {"type": "datasource", "name": "source", "label": "Prometheus", "query": "prometheus", "refresh": 1,
              "current": {"text": PROVISIONED[0], "value": PROVISIONED[1]}}
    return {"uid": uid, "title": title, "description": about, "tags": ["vigil"], "schemaVersion": 39, "version": 1,
            "editable": True, "timezone": "utc", "refresh": refresh, "time": {"from": since, "to": "now"},
            "templating": {"list": [source, *variables]}, "annotations": {"list": []},
            "links": [{"type": "dashboards", "tags": ["vigil"], "title": "Vigil", "asDropdown": True, "includeVars": False}],
            "panels": placed(rows)}


def network():
    v = 'job=~"$job"'
    fine, good = steps(GREEN, (1, RED)), steps(GREEN)
    return dashboard("vigil-network", "Vigil network", "The whole network as its verifiers see it: who is up, how fast, and "
                     "whether the verifier itself keeps up.", [
        [panel("stat", "Devices online", "Devices whose last closed window is complete.", "short",
               f'max(vigil_verifier_devices{{{v}, state="online"}})', w=4, h=4, levels=good),
         panel("stat", "Suspect or offline", "Devices that missed something in their last closed window. Waiting devices are not "
               "counted.", "short", f'sum(max by (state) (vigil_verifier_devices{{{v}, state=~"suspect|offline"}}))', w=4, h=4,
               levels=steps(GREEN, (1, YELLOW))),
         panel("stat", "Verified hash rate", "Sum of what the last roll call measured; claims do not count.", "short",
               f"max(vigil_verifier_network_hashes_per_second{{{v}}})", w=4, h=4, decimals=2),
         panel("stat", "Checks passed, 5 min", "Passed checks among those that were somebody's to pass: void, maintenance and busy "
               "ones are left out.", "percentunit", f"1 - max(job:vigil_verifier_checks_failed:ratio5m{{{v}}})", w=4, h=4,
               levels=steps(RED, (0.8, YELLOW), (0.95, GREEN))),
         panel("stat", "Since the last closing", "Age of the last closed window; an alert fires at a window and a quarter.", "s",
               f"time() - max(vigil_verifier_last_window_closed_timestamp_seconds{{{v}}} > 0)", w=4, h=4, decimals=0),
         panel("stat", "Nodes connected", "Open sessions, over all replicas. Nodes that poll are not among them.", "short",
               f"sum(vigil_verifier_open_streams{{{v}}})", w=4, h=4)],
        [panel("timeseries", "Verified hash rate with its 95 % band", "The band is the error of the measurement itself (protocol "
               "5.4).", "short", [(f"max(vigil_verifier_network_hashes_per_second{{{v}}})", "rate"),
                                  (f"max(vigil_verifier_network_hashes_per_second_lower{{{v}}})", "lower"),
                                  (f"max(vigil_verifier_network_hashes_per_second_upper{{{v}}})", "upper")],
               w=12, h=8, colours={"rate": BLUE, "lower": GREY, "upper": GREY}),
         panel("timeseries", "Devices by state", "By their last closed window.", "short",
               [(f"max by (state) (vigil_verifier_devices{{{v}}})", "{{state}}")], w=12, h=8, stack=True,
               colours={"online": GREEN, "suspect": YELLOW, "offline": RED, "waiting": GREY})],
        [panel("timeseries", "Verdicts a second", "Every check that was judged, missed ones when their window closes.", "ops",
               [(f"sum by (verdict) (rate(vigil_verifier_checks_total{{{v}}}[5m]))", "{{verdict}}")], w=12, h=8,
               colours={"passed": GREEN, "missed": RED, "below_rate": YELLOW, "bad_proof": "#a352cc", "late": "#e07b39",
                        "void": GREY}),
         panel("timeseries", "From a check's start to its answer", "Median and 99th percentile by kind of check.", "s",
               [(f"histogram_quantile(0.5, sum by (kind, le) (rate(vigil_verifier_answer_duration_seconds_bucket{{{v}}}[15m])))",
                 "{{kind}} p50"),
                (f"histogram_quantile(0.99, sum by (kind, le) (rate(vigil_verifier_answer_duration_seconds_bucket{{{v}}}[15m])))",
                 "{{kind}} p99")], w=12, h=8)],
        [panel("bargauge", "Devices by claimed model", "As enrolled; a model is a claim, a hash rate is not.", "short",
               [(f"max by (model) (vigil_verifier_gpus{{{v}}})", "{{model}}")], w=8, h=8, instant=True),
         panel("timeseries", "Windows of devices closed", "By outcome, an hour's worth.", "short",
               [(f"sum by (outcome) (increase(vigil_verifier_windows_closed_total{{{v}}}[1h]))", "{{outcome}}")], w=8, h=8,
               stack=True, colours={"complete": GREEN, "incomplete": RED, "void": GREY}),
         panel("timeseries", "Requests refused a second", "By reason; busy means that this verifier is full.", "ops",
               [(f"sum by (reason) (rate(vigil_verifier_answers_rejected_total{{{v}}}[5m])) > 0 or "
                 f"sum(rate(vigil_verifier_answers_rejected_total{{{v}}}[5m]))", "{{reason}}")], w=8, h=8)],
        [panel("timeseries", "Credits settled", "Micro-credits that each day's settlement paid, by when it was settled.", "short",
               [(f"sum(increase(vigil_verifier_credits_micro_total{{{v}}}[1h]))", "credited"),
                (f"sum(increase(vigil_verifier_slashed_micro_total{{{v}}}[1h]))", "slashed")], w=8, h=8,
               colours={"credited": GREEN, "slashed": RED}),
         panel("timeseries", "Judging and store, p99", "Judging one answer; one transaction of the store, waiting included.", "s",
               [(f"histogram_quantile(0.99, sum by (le) (rate(vigil_verifier_judging_duration_seconds_bucket{{{v}}}[5m])))",
                 "judging"),
                (f"histogram_quantile(0.99, sum by (operation, le) "
                 f"(rate(vigil_verifier_store_operation_duration_seconds_bucket{{{v}}}[5m])))", "store {{operation}}")],
               w=8, h=8),
         panel("timeseries", "Handing a check to every stream, p99", "How far apart the first and the last node learn of a roll call.",
               "s", [(f"histogram_quantile(0.99, sum by (le) (rate(vigil_verifier_broadcast_duration_seconds_bucket{{{v}}}[1h])))",
                      "broadcast"), (f"max(vigil_verifier_schedule_lag_seconds{{{v}}})", "late start")], w=8, h=8)],
        [panel("stat", "Store failures, 1 h", "Transactions that failed.", "short",
               f"sum(increase(vigil_verifier_store_errors_total{{{v}}}[1h]))", w=4, h=4, levels=fine, decimals=0),
         panel("stat", "Store size", "Files of the store; replicas share one.", "bytes",
               f"max(vigil_verifier_store_size_bytes{{{v}}})", w=4, h=4),
         panel("timeseries", "Processor", "Cores that each verifier uses.", "short",
               [(f"rate(process_cpu_seconds_total{{{v}}}[1m])", "{{instance}}")], w=8, h=6),
         panel("timeseries", "Memory", "Resident memory of each verifier.", "bytes",
               [(f"process_resident_memory_bytes{{{v}}}", "{{instance}}")], w=8, h=6)],
    ], [variable("job", "Job", "label_values(vigil_verifier_build_info, job)", includeAll=True, multi=True,
                 current={"text": "All", "value": "$__all"})])


def device():
    d = 'device="$device"'
    return dashboard("vigil-device", "Vigil device", "One device as settled: rate, balance, grace and down days. Needs the scrape of "
                     "/metrics/devices. Why a window was lost stands on the device's page of the verifier.", [
        [panel("stat", "Verified hash rate", "The rate that the next checks are judged against.", "short",
               f"max(vigil_verifier_device_baseline_hashes_per_second{{{d}}})", w=5, h=4, decimals=2),
         panel("stat", "Balance", "Micro-credits after the last settled day.", "short",
               f"max(vigil_verifier_device_balance_micro{{{d}}})", w=5, h=4),
         panel("stat", "Service run", "Days of service towards the next grace day.", "d",
               f"max(vigil_verifier_device_service_run{{{d}}})", w=5, h=4, levels=steps(GREEN)),
         panel("stat", "Grace left", "Down days that will cost nothing.", "short",
               f"max(vigil_verifier_device_grace_left{{{d}}})", w=4, h=4, levels=steps(YELLOW, (1, GREEN))),
         panel("stat", "Down run", "Down days in a row; slashing begins after the grace is used.", "short",
               f"max(vigil_verifier_device_down_run{{{d}}})", w=5, h=4, levels=steps(GREEN, (1, RED)))],
        [panel("table", "Who it is", "Name, region, model and provider are claimed; the ids are keys.", "short",
               f"max by (name, region, model, provider, node) (vigil_verifier_device_info{{{d}}})", w=24, h=4)],
        [panel("timeseries", "Verified hash rate", "Median of the last valid roll calls.", "short",
               [(f"max(vigil_verifier_device_baseline_hashes_per_second{{{d}}})", "rate")], w=12, h=8, colours={"rate": BLUE}),
         panel("timeseries", "Balance", "Micro-credits; a step down is a slash.", "short",
               [(f"max(vigil_verifier_device_balance_micro{{{d}}})", "balance")], w=12, h=8, colours={"balance": GREEN})],
        [panel("timeseries", "Service, grace, down days", "The state that decides what a bad day costs.", "short",
               [(f"max(vigil_verifier_device_service_run{{{d}}})", "service days"),
                (f"max(vigil_verifier_device_grace_left{{{d}}})", "grace left"),
                (f"max(vigil_verifier_device_down_run{{{d}}})", "down days")], w=24, h=7,
               colours={"service days": GREEN, "grace left": BLUE, "down days": RED})],
    ], [variable("device", "Device", "label_values(vigil_verifier_device_info, device)")], refresh="1m", since="now-7d")


def node():
    n = 'instance=~"$instance"'
    return dashboard("vigil-node", "Vigil nodes", "Your own machines: every card's rate, health and checks.", [
        [panel("stat", "Connected", "Nodes that reach the verifier.", "short",
               f"sum(vigil_node_verifier_connected{{{n}}})", w=4, h=4, levels=steps(RED, (1, GREEN))),
         panel("stat", "Hash rate now", "By the devices' own count while they search; between checks they rest.", "short",
               f"sum(instance_gpu:vigil_node_hashes:rate1m{{{n}}})", w=4, h=4, decimals=2),
         panel("stat", "Windows passed today", "Roll calls passed so far, over all devices.", "short",
               f'sum(vigil_node_day_windows{{{n}, state="passed"}})', w=4, h=4, levels=steps(GREEN)),
         panel("stat", "Windows lost today", "Each lost one lowers the day's multiplier.", "short",
               f'sum(vigil_node_day_windows{{{n}, state="failed"}})', w=4, h=4, levels=steps(GREEN, (1, RED))),
         panel("stat", "Last passed", "Since the last passed check.", "s",
               f"time() - max(vigil_node_last_passed_timestamp_seconds{{{n}}} > 0)", w=4, h=4, decimals=0),
         panel("stat", "Clock offset", "This clock minus the verifier's; for information, nothing is judged by it.", "s",
               f"max(abs(vigil_node_clock_offset_seconds{{{n}}}))", w=4, h=4, levels=steps(GREEN, (2, YELLOW)))],
        [panel("timeseries", "Rate of the last search", "What each card reached in its last check.", "short",
               [(f"vigil_node_last_check_hashes_per_second{{{n}}}", "{{instance}} {{gpu}}")], w=12, h=8),
         panel("timeseries", "Checks by result", "An hour's worth, over all devices.", "short",
               [(f"sum by (result) (increase(vigil_node_checks_total{{{n}}}[1h])) > 0 or "
                 f"sum(increase(vigil_node_checks_total{{{n}}}[1h]))", "{{result}}")], w=12, h=8, stack=True,
               colours={"passed": GREEN, "missed": RED, "below_rate": YELLOW, "void": GREY})],
        [panel("timeseries", "Temperature", "As drivers read it; cards without a sensor show nothing.", "celsius",
               [(f"vigil_node_gpu_temperature_celsius{{{n}}}", "{{instance}} {{gpu}}")], w=8, h=8,
               levels=steps(GREEN, (80, YELLOW), (88, RED))),
         panel("timeseries", "Power", "As drivers read it.", "watt",
               [(f"vigil_node_gpu_power_watts{{{n}}}", "{{instance}} {{gpu}}")], w=8, h=8),
         panel("timeseries", "Memory in use", "By everybody on the card.", "bytes",
               [(f"vigil_node_gpu_memory_used_bytes{{{n}}}", "{{instance}} {{gpu}}")], w=8, h=8)],
        [panel("timeseries", "Failures", "Searches that failed, drivers that hang, cards that are gone, hashes that were wrong.", "short",
               [(f"sum by (instance, gpu, code) (increase(vigil_node_kernel_errors_total{{{n}}}[1h]))", "{{instance}} {{gpu}} {{code}}"),
                (f"sum by (instance, gpu) (increase(vigil_node_recheck_mismatches_total{{{n}}}[1h]))", "{{instance}} {{gpu}} wrong hash")],
               w=8, h=8),
         panel("timeseries", "Round trip to the verifier", "Last measured.", "s",
               [(f"vigil_node_verifier_rtt_seconds{{{n}}}", "{{instance}}")], w=8, h=8),
         panel("timeseries", "Time to a finished proof, p99", "From learning of a check.", "s",
               [(f"histogram_quantile(0.99, sum by (kind, le) (rate(vigil_node_check_duration_seconds_bucket{{{n}}}[1h])))",
                 "{{kind}}")], w=8, h=8)],
        [panel("table", "Devices", "What runs here, by which driver.", "short",
               f"max by (instance, gpu, name, backend, driver_version) (vigil_node_gpu_info{{{n}}})", w=24, h=6)],
    ], [variable("instance", "Node", "label_values(vigil_node_build_info, instance)", includeAll=True, multi=True,
                 current={"text": "All", "value": "$__all"})])


def main():
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parent / "dashboards"
    folder.mkdir(parents=True, exist_ok=True)
    for one in (network(), device(), node()):
        (folder / f"{one['uid']}.json").write_text(json.dumps(one, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
