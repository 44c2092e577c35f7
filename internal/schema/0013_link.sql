-- Third-party accounts. Rows of an account lead their keys with account_id; what is
-- looked up without an account (a subject at a provider, a state) has a table of its own.

-- owner: internal/identity/link
CREATE TABLE link (
  account_id   BIGINT NOT NULL,
  provider     TEXT   NOT NULL,
  profile      BYTEA  NOT NULL, -- sealed JSON: subjects, name, e-mail hint, grant
  linked_at    BIGINT NOT NULL,
  used_at      BIGINT NOT NULL, -- last sign-in or proof by it
  suspended_at BIGINT NOT NULL, -- when the provider said that it is disabled; 0: never
  PRIMARY KEY (account_id, provider)
);

-- owner: internal/identity/link
CREATE TABLE link_holder (
  hash       BYTEA  NOT NULL PRIMARY KEY, -- keyed hash of provider, scope and subject
  account_id BIGINT NOT NULL,
  provider   TEXT   NOT NULL
);

-- A visit to a provider that is under way: found by the state that comes back.

-- owner: internal/journey/proof/federation
CREATE TABLE federation_trip (
  state_hash BYTEA   NOT NULL PRIMARY KEY,
  journey_id TEXT    NOT NULL,
  kind       TEXT    NOT NULL, -- of the journey: where its page is
  provider   TEXT    NOT NULL,
  here       BOOLEAN NOT NULL, -- begun by a page of ours: only that browser may come back
  network    BYTEA   NOT NULL, -- keyed hash of the network that began it
  asked      BYTEA   NOT NULL, -- sealed: what the vendor is asked, and what the person is told
  browser    BYTEA   NOT NULL, -- hash of the secret of the browser that went; empty: none yet
  answer     BYTEA   NOT NULL, -- sealed: what came back; empty: nothing yet
  stage      TEXT    NOT NULL, -- out, held, back, taken
  expires_at BIGINT  NOT NULL
);

CREATE INDEX federation_trip_expires ON federation_trip (expires_at);

-- What may count once: tokens that apps handed over, messages of providers.

-- owner: internal/journey/proof/federation
CREATE TABLE federation_seen (
  hash       BYTEA  NOT NULL PRIMARY KEY,
  expires_at BIGINT NOT NULL
);

CREATE INDEX federation_seen_expires ON federation_seen (expires_at);

-- What became of a provider's request to delete data, for whoever has its code. No
-- column leads to an account.

-- owner: internal/journey/linking
CREATE TABLE federation_deletion (
  code_hash  BYTEA  NOT NULL PRIMARY KEY,
  provider   TEXT   NOT NULL,
  result     TEXT   NOT NULL, -- deleted, kept, nothing
  at         BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
);

CREATE INDEX federation_deletion_expires ON federation_deletion (expires_at);
