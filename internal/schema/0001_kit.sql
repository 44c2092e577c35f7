-- The tools' own tables. They know no account's rows, so they need not be
-- distributed with them: job stays on one server, quota is keyed by its hash.

-- owner: internal/kit/quota
CREATE TABLE quota (
  id      BYTEA  NOT NULL PRIMARY KEY, -- keyed hash of the limit's name and the subject
  name    TEXT   NOT NULL,             -- of the limit
  marks   BYTEA  NOT NULL,             -- when it was charged, and how much
  ends_at BIGINT NOT NULL              -- from then on the row says nothing any more
);

-- owner: internal/kit/job
CREATE TABLE job (
  id         TEXT   NOT NULL PRIMARY KEY,
  kind       TEXT   NOT NULL,
  account_id BIGINT NOT NULL, -- 0: of no account
  unique_key TEXT   NOT NULL, -- '': may stand twice
  due_at     BIGINT NOT NULL, -- also the end of the lease while somebody works on it
  expires_at BIGINT NOT NULL, -- 0: never
  attempt    BIGINT NOT NULL, -- how often it was begun
  lease      TEXT   NOT NULL, -- who works on it; '': nobody
  dead_at    BIGINT NOT NULL, -- 0: alive
  error      TEXT   NOT NULL, -- of the last failed run, without personal data
  payload    BYTEA  NOT NULL
);

CREATE INDEX job_due ON job (kind, due_at) WHERE dead_at = 0;

CREATE INDEX job_dead ON job (dead_at) WHERE dead_at <> 0;

CREATE UNIQUE INDEX job_key ON job (kind, unique_key) WHERE unique_key <> '' AND dead_at = 0;
