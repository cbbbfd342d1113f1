#!/usr/bin/env python3
"""An operator recommends a node version: the node says so in status, log, metrics and doctor, once each, and the verifier counts it; a node
that is new enough hears nothing; a minimum refuses."""
import json
import re

import lab as it

FAR, BY = "97.0.1", "2031-05-17"


def metric(node, name):
    _, text = it.http_get(node.http_port, "/metrics")
    found = re.search(rf"^{name} (\S+)$", text, re.M)
    it.check(found, f"{node.name} has no metric {name}")
    return float(found.group(1))


def doctor(verifier, data):
    code, out, err = it.run_program("NODE", "doctor", "--json", "--backends", "cpu", "--cpu-threads", "1", "--http-port", 0,
                                    "--verifier", verifier.address, "--ca", verifier.certificate, "--data-dir", data)
    it.check(code in (0, 1), f"doctor ends with {code}: {err}")
    return [f for f in json.loads(out)["findings"] if f["area"] == "version"]


def test(lab):
    rules = it.policy("versions")
    verifier = lab.verifier(policy_text=rules).start()
    node = lab.node(verifier).start().wait_connected()
    status = node.status()
    it.check(status["outdated"] is False and status["recommended_version"] is None, f"nothing is recommended: {status}")
    it.check(metric(node, "vigil_node_outdated") == 0 and "recommends" not in node.output(), "and nothing said")

    it.check(verifier.stop() == 0, "the verifier ends")
    telling = lab.verifier("telling", data=verifier.data, recommended_node_version=FAR, recommended_by=BY)
    telling.port, telling.arguments[telling.arguments.index("--port") + 1] = verifier.port, str(verifier.port)
    telling.start()
    it.wait_for("the node being told", lambda: node.status()["outdated"], 90)
    status = node.status()
    it.check((status["recommended_version"], status["recommended_by"]) == (FAR, BY), f"which, and by when: {status}")
    it.check(metric(node, "vigil_node_outdated") == 1, "and the metric")
    words = f"the network recommends version {FAR} or newer by {BY}, this node is "
    code, out, _ = it.run_program("NODE", "status", "--http-port", node.http_port)
    it.check(code == 0 and "  update    " + words in out, f"status says so:\n{out}")
    it.wait_for("the verifier counting it", lambda: telling.metric("vigil_verifier_outdated_streams") == 1, 20)
    found = doctor(telling, lab.place / "none")
    it.check(len(found) == 1 and found[0]["level"] == "warn" and words in found[0]["what"] and FAR in found[0]["fix"],
             f"doctor: {found}")
    telling.kill()  # the node connects again and is told the same
    telling.start()
    it.wait_for("the node coming back", lambda: telling.metric("vigil_verifier_outdated_streams") == 1, 90)
    it.check(node.output().count(words) == 1, f"the log says it once:\n{node.output()}")

    it.check(telling.stop() == 0, "the verifier ends")
    content = lab.verifier("content", data=verifier.data, recommended_node_version="0.0.9")
    content.port, content.arguments[content.arguments.index("--port") + 1] = verifier.port, str(verifier.port)
    content.start()
    it.wait_for("the node being new enough", lambda: node.connected() and not node.status()["outdated"], 90)
    it.check(metric(node, "vigil_node_outdated") == 0 and content.metric("vigil_verifier_outdated_streams") == 0, "in numbers")
    it.check(content.stop() == 0, "the verifier ends")

    strict = lab.verifier("strict", data=verifier.data, minimum_node_version=FAR)
    strict.port, strict.arguments[strict.arguments.index("--port") + 1] = verifier.port, str(verifier.port)
    strict.start()
    it.check(node.wait(90) == 6 and "E-VERSION" in node.output(), f"a minimum refuses:\n{node.tail()}")
    it.check(strict.stop() == 0, "the last one ends")


if __name__ == "__main__":
    it.run(test)
