-- Authenticator apps, recovery codes and security questions. Every secret here is
-- sealed under the key ring for its row.

-- owner: internal/identity/totp
CREATE TABLE totp (
  account_id BIGINT  NOT NULL PRIMARY KEY,
  sealed     BYTEA   NOT NULL,
  since      BIGINT  NOT NULL, -- when this secret was confirmed
  replaced   BOOLEAN NOT NULL, -- it took the place of another one
  last_step  BIGINT  NOT NULL  -- the newest step that was accepted: none up to it is again
);

-- owner: internal/identity/totp
CREATE TABLE totp_begun (
  account_id BIGINT NOT NULL PRIMARY KEY,
  sealed     BYTEA  NOT NULL, -- shown once and not confirmed: no factor
  begun_at   BIGINT NOT NULL
);

-- owner: internal/identity/recoverycode
CREATE TABLE recovery_set (
  account_id BIGINT  NOT NULL PRIMARY KEY,
  id         TEXT    NOT NULL, -- of this set: a renewal makes another
  cost       TEXT    NOT NULL, -- parameters of the hash
  salt       BYTEA   NOT NULL, -- one for the set, so that a try takes one hash
  made_at    BIGINT  NOT NULL,
  replaced   BOOLEAN NOT NULL  -- it took the place of another one
);

-- owner: internal/identity/recoverycode
CREATE TABLE recovery_code (
  account_id BIGINT NOT NULL,
  set_id     TEXT   NOT NULL,
  nth        BIGINT NOT NULL,
  sealed     BYTEA  NOT NULL, -- the hash
  used_at    BIGINT NOT NULL, -- 0: not yet
  PRIMARY KEY (account_id, set_id, nth)
);

-- owner: internal/identity/question
CREATE TABLE question (
  account_id BIGINT  NOT NULL PRIMARY KEY,
  questions  TEXT    NOT NULL, -- which three, by name, in their order
  cost       TEXT    NOT NULL, -- parameters of the hash
  salt       BYTEA   NOT NULL,
  sealed     BYTEA   NOT NULL, -- one hash of all three answers together
  since      BIGINT  NOT NULL,
  replaced   BOOLEAN NOT NULL  -- they took the place of others
);
