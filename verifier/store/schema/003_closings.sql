-- Closing a window takes several transactions. The first writes a row here; from its commit on no
-- answer takes a check of the window, and began_ms is when the window counts as closed. The last
-- writes the row of closed_windows.

CREATE TABLE closings (
    window_index BIGINT NOT NULL PRIMARY KEY,
    began_ms BIGINT NOT NULL
) /*sqlite WITHOUT ROWID*/;

INSERT INTO closings (window_index, began_ms) SELECT window_index, closed_ms FROM closed_windows;
