-- A row for each bucket: whoever records answers of a bucket, or needs that nobody does, holds it to
-- the end of the transaction. So answers are numbered without gaps and a closing window misses none,
-- however many verifiers write. Held in ascending order.
CREATE TABLE buckets (
    bucket INTEGER NOT NULL PRIMARY KEY
) /*sqlite WITHOUT ROWID*/;
INSERT INTO buckets (bucket)
    WITH RECURSIVE every(bucket) AS (SELECT 0 UNION ALL SELECT bucket + 1 FROM every WHERE bucket < 255)
    SELECT bucket FROM every;
