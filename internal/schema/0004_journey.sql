-- owner: internal/journey/flow
CREATE TABLE journey (
  id         TEXT   NOT NULL PRIMARY KEY,
  key_hash   BYTEA  NOT NULL,
  kind       TEXT   NOT NULL,
  step       TEXT   NOT NULL,
  version    BIGINT NOT NULL,
  facts      BYTEA  NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
);

CREATE INDEX journey_expires ON journey (expires_at);
