-- Which answer took a check stands beside the check's verdict, or in unjudged where it was recorded
-- before it could be judged; the keys of both hold a check once, because its window follows from
-- kind and ref. A table of its own said the same once more and was a fifth of what an answer wrote.

-- answer: nothing where none took the check, or where it is in unjudged.
ALTER TABLE verdicts ADD COLUMN answer BIGINT;

UPDATE verdicts SET answer = (SELECT p.answer FROM proofs p WHERE p.bucket = verdicts.bucket
    AND p.kind = verdicts.kind AND p.ref = verdicts.ref AND p.device = verdicts.device
    AND p.window_index = verdicts.window_index);

-- Those without a verdict are there already; this is for those that, for whatever reason, are not.
INSERT INTO unjudged (bucket, window_index, device, kind, ref, answer)
    SELECT p.bucket, p.window_index, p.device, p.kind, p.ref, p.answer FROM proofs p
    WHERE NOT EXISTS (SELECT 1 FROM verdicts v WHERE v.bucket = p.bucket
    AND v.window_index = p.window_index AND v.device = p.device AND v.kind = p.kind AND v.ref = p.ref)
    ON CONFLICT DO NOTHING;

DROP TABLE proofs;
