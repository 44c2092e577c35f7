-- Passkeys. Rows of an account lead their keys with account_id; what is looked
-- up without an account (a credential, a user handle) has a table of its own.

-- owner: internal/identity/passkey
CREATE TABLE passkey (
  account_id  BIGINT  NOT NULL,
  id          TEXT    NOT NULL, -- ours, for addresses
  credential  BYTEA   NOT NULL, -- credential id, at most 1023 bytes
  public_key  BYTEA   NOT NULL, -- COSE_Key as the authenticator sent it
  flags       BIGINT  NOT NULL, -- of the authenticator data at registration, raw
  backed_up   BOOLEAN NOT NULL, -- as last seen
  counter     BIGINT  NOT NULL,
  transports  TEXT    NOT NULL, -- separated by commas
  attestation TEXT    NOT NULL, -- none, self
  aaguid      BYTEA   NOT NULL,
  name        BYTEA   NOT NULL,
  created_at  BIGINT  NOT NULL,
  used_at     BIGINT  NOT NULL, -- 0: never
  suspect_at  BIGINT  NOT NULL, -- when its counter fell; 0: never
  PRIMARY KEY (account_id, id)
);

-- owner: internal/identity/passkey
CREATE TABLE passkey_credential (
  hash       BYTEA  NOT NULL PRIMARY KEY, -- of the credential id
  account_id BIGINT NOT NULL,
  passkey_id TEXT   NOT NULL
);

-- owner: internal/identity/passkey
CREATE TABLE passkey_user (
  account_id BIGINT NOT NULL PRIMARY KEY,
  handle     BYTEA  NOT NULL -- random, told to authenticators
);

-- owner: internal/identity/passkey
CREATE TABLE passkey_handle (
  handle     BYTEA  NOT NULL PRIMARY KEY,
  account_id BIGINT NOT NULL
);

-- owner: internal/identity/passkey
CREATE TABLE passkey_registration (
  account_id BIGINT NOT NULL,
  session_id TEXT   NOT NULL,
  challenge  BYTEA  NOT NULL,
  expires_at BIGINT NOT NULL,
  PRIMARY KEY (account_id, session_id)
);

CREATE INDEX passkey_registration_expires ON passkey_registration (expires_at);
