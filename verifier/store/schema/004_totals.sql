-- What the outcomes of a window add up to, written with the row of closed_windows: a network's history
-- is read from here and not from the outcomes of all devices. Follows from the record; for display.

-- measured: devices with a valid roll call; rate: the sum of their rates; root: of the sum of the
-- rates' squares, which the error of the sum follows from. Both rounded down, and at most 2^64 - 1.
CREATE TABLE window_totals (
    window_index BIGINT NOT NULL PRIMARY KEY,
    complete BIGINT NOT NULL,
    incomplete BIGINT NOT NULL,
    voided BIGINT NOT NULL,
    maintenance BIGINT NOT NULL,
    busy BIGINT NOT NULL,
    unenrolled BIGINT NOT NULL,
    measured BIGINT NOT NULL,
    rate BIGINT NOT NULL,
    root BIGINT NOT NULL
) /*sqlite WITHOUT ROWID*/;
