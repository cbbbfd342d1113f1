-- The durable state of a verifier, in the SQL that SQLite and PostgreSQL and its relatives share:
-- BIGINT, INTEGER, BYTEA, TEXT; keys are small numbers the program gives out in order of arrival.
-- What only SQLite wants stands in /*sqlite … */ and is a comment to everybody else.
--
-- * Whatever grows has `bucket`, the first byte of node_id, first in every key and index.
-- * A unique key never holds a hash, except in nodes and devices, which grow with the fleet and not
--   with time. Keys lead with what is recent (a window, a slot, a chapter), not with the device, so
--   that new rows meet in few pages and an insert costs the same in the tenth year as on the first
--   day.
-- * Times are milliseconds since the epoch. Unsigned 64-bit values are stored bit for bit: above
--   2^63 they look negative. Amounts are 16 bytes, big-endian.
-- * Tables are append-only, except those under "State in force", which follow from the others.

-- ---- Small tables, the same for every bucket ----------------------------------------------------

-- schema_version; enrolments: how many there are.
CREATE TABLE meta (
    name TEXT NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL
) /*sqlite WITHOUT ROWID*/;

CREATE TABLE genesis (
    one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    network_name TEXT NOT NULL,
    programme_start_day BIGINT NOT NULL,
    founded_ms BIGINT NOT NULL
) /*sqlite WITHOUT ROWID*/;

CREATE TABLE policies (
    effective_day BIGINT NOT NULL,
    announced_ms BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    canonical TEXT NOT NULL,
    PRIMARY KEY (effective_day, announced_ms, hash)
) /*sqlite WITHOUT ROWID*/;

-- K_d, secret until revealed.
CREATE TABLE day_keys (
    day BIGINT NOT NULL PRIMARY KEY,
    day_key BYTEA NOT NULL,
    commit_hash BYTEA NOT NULL,
    committed_ms BIGINT NOT NULL
) /*sqlite WITHOUT ROWID*/;

CREATE TABLE day_key_reveals (
    day BIGINT NOT NULL PRIMARY KEY,
    revealed_ms BIGINT NOT NULL
) /*sqlite WITHOUT ROWID*/;

CREATE TABLE closed_windows (
    window_index BIGINT NOT NULL PRIMARY KEY,
    closed_ms BIGINT NOT NULL
) /*sqlite WITHOUT ROWID*/;

CREATE TABLE settled_days (
    day BIGINT NOT NULL PRIMARY KEY,
    state_hash BYTEA NOT NULL,
    devices BIGINT NOT NULL,
    settled_ms BIGINT NOT NULL
) /*sqlite WITHOUT ROWID*/;

-- ---- The record: append-only --------------------------------------------------------------------

-- bucket: the low byte of the replica's number.
CREATE TABLE heartbeats (
    bucket INTEGER NOT NULL,
    at_ms BIGINT NOT NULL,
    replica BIGINT NOT NULL,
    PRIMARY KEY (bucket, at_ms, replica)
) /*sqlite WITHOUT ROWID*/;

-- Signed requests as they came. number: 1, 2, 3, … over all buckets together.
CREATE TABLE enrolments (
    bucket INTEGER NOT NULL,
    number BIGINT NOT NULL,
    node BIGINT NOT NULL,
    kind INTEGER NOT NULL,
    received_ms BIGINT NOT NULL,
    signature BYTEA NOT NULL,
    content BYTEA NOT NULL,
    PRIMARY KEY (bucket, number)
);
CREATE INDEX enrolments_by_node ON enrolments (bucket, node, received_ms);

CREATE TABLE calibrations (
    bucket INTEGER NOT NULL,
    device BIGINT NOT NULL,
    counter BIGINT NOT NULL,
    beacon BYTEA NOT NULL,
    issued_ms BIGINT NOT NULL,
    PRIMARY KEY (bucket, device, counter)
) /*sqlite WITHOUT ROWID*/;
CREATE INDEX calibrations_by_time ON calibrations (bucket, issued_ms);

-- Answers as signed. number: 1, 2, 3, … within the bucket, in order of recording. chapter:
-- number / 4096; a node's answers are found chapter by chapter, newest first. id_start: the first
-- eight bytes of id, so that one answer is found without a unique index on hashes.
CREATE TABLE answers (
    bucket INTEGER NOT NULL,
    number BIGINT NOT NULL,
    chapter BIGINT NOT NULL,
    node BIGINT NOT NULL,
    id_start BIGINT NOT NULL,
    received_ms BIGINT NOT NULL,
    id BYTEA NOT NULL,
    signature BYTEA NOT NULL,
    signed_bytes BYTEA NOT NULL,
    PRIMARY KEY (bucket, number)
);
CREATE INDEX answers_by_node ON answers (bucket, chapter, node, number, id_start);

-- Which answer took which check. A check is taken once.
CREATE TABLE proofs (
    bucket INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    ref BIGINT NOT NULL,
    device BIGINT NOT NULL,
    window_index BIGINT NOT NULL,
    answer BIGINT NOT NULL,
    PRIMARY KEY (bucket, kind, ref, device)
) /*sqlite WITHOUT ROWID*/;

-- Proofs recorded before they could be judged; the verdict, when there is one, is in verdicts.
CREATE TABLE unjudged (
    bucket INTEGER NOT NULL,
    window_index BIGINT NOT NULL,
    device BIGINT NOT NULL,
    kind INTEGER NOT NULL,
    ref BIGINT NOT NULL,
    answer BIGINT NOT NULL,
    PRIMARY KEY (bucket, window_index, device, kind, ref)
) /*sqlite WITHOUT ROWID*/;

-- Verdicts as judged. The window follows from kind and ref, so this key holds a check once.
CREATE TABLE verdicts (
    bucket INTEGER NOT NULL,
    window_index BIGINT NOT NULL,
    device BIGINT NOT NULL,
    kind INTEGER NOT NULL,
    ref BIGINT NOT NULL,
    challenge BYTEA NOT NULL,
    start_ms BIGINT NOT NULL,
    deadline_ms BIGINT NOT NULL,
    received_ms BIGINT,
    k BIGINT NOT NULL,
    theta_ppm BIGINT NOT NULL,
    verdict INTEGER NOT NULL,
    work BIGINT NOT NULL,
    rate BIGINT NOT NULL,
    baseline BIGINT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (bucket, window_index, device, kind, ref)
) /*sqlite WITHOUT ROWID*/;

CREATE TABLE voids (
    bucket INTEGER NOT NULL,
    window_index BIGINT NOT NULL,
    device BIGINT NOT NULL,
    kind INTEGER NOT NULL,
    ref BIGINT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (bucket, window_index, device, kind, ref)
) /*sqlite WITHOUT ROWID*/;

CREATE TABLE windows (
    bucket INTEGER NOT NULL,
    window_index BIGINT NOT NULL,
    device BIGINT NOT NULL,
    outcome INTEGER NOT NULL,
    misses BIGINT NOT NULL,
    roll_call_rate BIGINT NOT NULL,
    roll_call_valid INTEGER NOT NULL,
    reason TEXT NOT NULL,
    closed_ms BIGINT NOT NULL,
    PRIMARY KEY (bucket, window_index, device)
) /*sqlite WITHOUT ROWID*/;

CREATE TABLE days (
    bucket INTEGER NOT NULL,
    day BIGINT NOT NULL,
    device BIGINT NOT NULL,
    outcome INTEGER NOT NULL,
    counted BIGINT NOT NULL,
    multiplier_ppm BIGINT NOT NULL,
    rate BIGINT NOT NULL,
    credit BYTEA NOT NULL,
    slashed BYTEA NOT NULL,
    grace_used INTEGER NOT NULL,
    tier BIGINT NOT NULL,
    balance BYTEA NOT NULL,
    service_days BIGINT NOT NULL,
    grace_left BIGINT NOT NULL,
    down_run BIGINT NOT NULL,
    baseline BIGINT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (bucket, day, device)
) /*sqlite WITHOUT ROWID*/;

-- ---- State in force: follows from the record ----------------------------------------------------

-- number: 1, 2, 3, … within the bucket, in order of enrolment.
CREATE TABLE nodes (
    bucket INTEGER NOT NULL,
    number BIGINT NOT NULL,
    id BYTEA NOT NULL,
    public_key BYTEA NOT NULL,
    payout BYTEA NOT NULL,
    name TEXT NOT NULL,
    region TEXT NOT NULL,
    version TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    enrolled_ms BIGINT NOT NULL,
    PRIMARY KEY (bucket, number),
    UNIQUE (bucket, id)
);

-- active_from_ms: of the enrolment by which the device takes part. calibration: counter of the
-- latest issued; calibration_rate: of the latest passed, which started
-- at calibrated_ms.
CREATE TABLE devices (
    bucket INTEGER NOT NULL,
    number BIGINT NOT NULL,
    node BIGINT NOT NULL,
    id BYTEA NOT NULL,
    uid TEXT NOT NULL,
    model TEXT NOT NULL,
    driver TEXT NOT NULL,
    backend INTEGER NOT NULL,
    memory_bytes BIGINT NOT NULL,
    enrolled_ms BIGINT NOT NULL,
    active_from_ms BIGINT NOT NULL,
    retired_from BIGINT,
    request_sequence BIGINT NOT NULL,
    calibration BIGINT,
    calibrated_ms BIGINT,
    calibration_rate BIGINT,
    PRIMARY KEY (bucket, number),
    UNIQUE (bucket, node, id)
);

-- The window of a device's first verdict or outcome: where reading its history may stop.
CREATE TABLE first_windows (
    bucket INTEGER NOT NULL,
    device BIGINT NOT NULL,
    window_index BIGINT NOT NULL,
    PRIMARY KEY (bucket, device)
) /*sqlite WITHOUT ROWID*/;

-- Rates of a device's last six valid roll calls, rate_1 the newest.
CREATE TABLE recent_rates (
    bucket INTEGER NOT NULL,
    device BIGINT NOT NULL,
    rate_1 BIGINT NOT NULL,
    rate_2 BIGINT,
    rate_3 BIGINT,
    rate_4 BIGINT,
    rate_5 BIGINT,
    rate_6 BIGINT,
    PRIMARY KEY (bucket, device)
) /*sqlite WITHOUT ROWID*/;

-- As of the last settled day. first_day: the first that was settled for the device.
CREATE TABLE standings (
    bucket INTEGER NOT NULL,
    device BIGINT NOT NULL,
    balance BYTEA NOT NULL,
    service_days BIGINT NOT NULL,
    grace_left BIGINT NOT NULL,
    down_run BIGINT NOT NULL,
    first_day BIGINT NOT NULL,
    PRIMARY KEY (bucket, device)
) /*sqlite WITHOUT ROWID*/;
