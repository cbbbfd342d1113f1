#!/usr/bin/env python3
"""The verified rate of a device agrees with the device's own counter, over 30 roll calls (protocol 5.4, 5.5)."""
import math
import statistics
import re

import lab as it

ROLL_CALLS = 30
K = 256
SLACK_MS = 1000
WORK_MS = 2000


def working_seconds(node):
    """How long the node worked for its roll calls so far, by its own clock; and for how many."""
    _, text = it.http_get(node.http_port, "/metrics")
    def sample(name):
        found = re.search(rf'^vigil_node_check_duration_seconds_{name}{{kind="roll_call"}} (\S+)$', text, re.M)
        return float(found.group(1)) if found else 0.0
    return sample("sum"), int(sample("count"))


def test(lab):
    verifier = lab.verifier(policy_text=it.policy(
        "rate", day_ms=24_000, slots_per_window=1, roll_call_k=K, roll_call_work_ms=WORK_MS, roll_call_slack_ms=SLACK_MS,
        spot_per_window=0, calibration_work_ms=500, calibration_slack_ms=500)).start()
    node = lab.node(verifier).start().wait_connected()

    # By challenge: the node's own working time. One roll call a window of 4 s, so none is lost between two looks.
    own_seconds, seen = {}, (0.0, 0)
    answered = "SELECT challenge, verdict FROM verdicts WHERE kind = 1 AND received_ms IS NOT NULL"
    late = set()  # on a busy machine; such an answer is not measured

    def another():
        nonlocal seen
        now = working_seconds(node)
        if now[1] > seen[1]:
            fresh = [row for row in verifier.rows(answered) if bytes(row["challenge"]) not in own_seconds]
            if not fresh:
                return False  # its verdict is not there yet
            it.check(now[1] == seen[1] + 1 and len(fresh) == 1, "one roll call at a time")
            challenge = bytes(fresh[0]["challenge"])
            own_seconds[challenge] = now[0] - seen[0]
            if it.VERDICTS[fresh[0]["verdict"]] == "late":
                late.add(challenge)
            seen = now
        return len(own_seconds) - len(late) >= ROLL_CALLS

    it.wait_for(f"{ROLL_CALLS} answered roll calls", another, ROLL_CALLS * 4 + 60, every=0.2)

    tried = {challenge: count for row in verifier.rows("SELECT signed_bytes FROM answers")
             for _, challenge, _, count in it.proofs_of(row[0])}
    # Four standard deviations. The estimate's upper tail is a gamma's: at k = 256 an honest device lies beyond them
    # 2.4 times in 10,000, so one of thirty may, and beyond six 5 times in ten million, so none may.
    bound, far_bound = 4 / math.sqrt(K - 2), 6 / math.sqrt(K - 2)
    ratios, trips = [], []
    for row in verifier.rows("SELECT challenge, start_ms, received_ms, work, rate, verdict, reason FROM verdicts"
                             " WHERE kind = 1 AND received_ms IS NOT NULL ORDER BY start_ms"):
        challenge = bytes(row["challenge"])
        if challenge not in own_seconds or challenge in late:
            continue
        own_ms = own_seconds[challenge] * 1000
        elapsed = row["received_ms"] - row["start_ms"]
        ratio = row["work"] / tried[challenge]
        own_rate = tried[challenge] / (own_ms / 1000)
        it.check(abs(ratio - 1) <= far_bound, f"W / hashes tried is {ratio:.3f}: {row['reason']}")
        # The node learned of the check after its start, so it can only have worked for less than has passed.
        it.check(own_ms <= elapsed + 5, f"the node worked {own_ms:.0f} ms of {elapsed} ms")
        it.check(row["rate"] <= own_rate * (1 + far_bound), f"rate {row['rate']} above the device's {own_rate:.0f}")
        longest = own_ms + SLACK_MS
        it.check(row["rate"] >= own_rate * (1 - far_bound) * own_ms / longest,
                 f"rate {row['rate']} further below the device's {own_rate:.0f} than the round trip explains")
        ratios.append(ratio)
        trips.append(elapsed - own_ms)
    it.check(len(ratios) == ROLL_CALLS, f"{len(ratios)} roll calls are compared")
    outside = [ratio for ratio in ratios if abs(ratio - 1) > bound]
    it.check(len(outside) <= 1, f"W / hashes tried lies beyond 1 ± {bound:.3f} more than once: {outside}")
    mean = statistics.mean(ratios)
    it.check(abs(mean - 1) <= 4 / math.sqrt((K - 2) * ROLL_CALLS), f"the mean of W / hashes tried is {mean:.4f}")
    it.check(len(late) <= ROLL_CALLS // 5, f"{len(late)} late answers beside {ROLL_CALLS}")
    it.say(f"{len(late)} late answers left out. W / hashes tried: mean {mean:.4f}, standard deviation {statistics.stdev(ratios):.4f} (expected "
           f"{1 / math.sqrt(K - 2):.4f}), extremes {min(ratios):.3f} {max(ratios):.3f}; round trip: median "
           f"{statistics.median(trips):.0f} ms, longest {max(trips):.0f} ms")


if __name__ == "__main__":
    it.run(test)
