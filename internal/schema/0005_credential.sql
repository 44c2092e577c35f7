-- Passwords. sealed is a PHC string under the key ring: a copy of the database
-- has nothing to guess at.

-- owner: internal/identity/credential
CREATE TABLE credential_password (
  account_id BIGINT NOT NULL PRIMARY KEY,
  sealed     BYTEA  NOT NULL,
  set_at     BIGINT NOT NULL
);

-- owner: internal/identity/credential
CREATE TABLE credential_earlier (
  account_id  BIGINT NOT NULL,
  nth         BIGINT NOT NULL,
  sealed      BYTEA  NOT NULL,
  replaced_at BIGINT NOT NULL,
  PRIMARY KEY (account_id, nth)
);
