-- Several verifiers on one store: who may do what must be done once. Small tables, the same for every
-- bucket.

-- "books": closing, settling, day keys. "replica/N": the number N of a verifier that serves. epoch
-- grows with every taking and is compared by each write that the lease guards. expires_ms is by the
-- database's clock. settled_ms, of replicas: answers received by then were recorded or refused.
CREATE TABLE leases (
    name TEXT NOT NULL PRIMARY KEY,
    holder TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL,
    settled_ms BIGINT NOT NULL
) /*sqlite WITHOUT ROWID*/;

-- Keys that signed receipts of this network; the last first used is the one in force.
CREATE TABLE receipt_keys (
    first_used_ms BIGINT NOT NULL,
    public_key BYTEA NOT NULL,
    PRIMARY KEY (first_used_ms, public_key)
) /*sqlite WITHOUT ROWID*/;
