-- The nouns. Rows of an account lead their keys with account_id, so that the
-- schema shards by account; contact_holder is keyed by what is looked up.

-- owner: internal/identity/account
CREATE TABLE account (
  id         BIGINT  NOT NULL PRIMARY KEY,
  state      TEXT    NOT NULL,
  region     TEXT    NOT NULL,
  locale     TEXT    NOT NULL,
  nickname   BYTEA   NOT NULL,
  avatar     TEXT    NOT NULL,
  epoch      BIGINT  NOT NULL,
  created_at BIGINT  NOT NULL
);

-- owner: internal/identity/account
CREATE TABLE account_avatar (
  account_id BIGINT NOT NULL,
  id         TEXT   NOT NULL,
  png        BYTEA  NOT NULL,
  PRIMARY KEY (account_id, id)
);

-- owner: internal/identity/contact
CREATE TABLE contact (
  account_id  BIGINT NOT NULL,
  kind        TEXT   NOT NULL,
  address     BYTEA  NOT NULL,
  verified_at BIGINT NOT NULL,
  proved_at   BIGINT NOT NULL,
  PRIMARY KEY (account_id, kind)
);

-- owner: internal/identity/contact
CREATE TABLE contact_holder (
  hash       BYTEA  NOT NULL PRIMARY KEY,
  kind       TEXT   NOT NULL,
  account_id BIGINT NOT NULL
);

-- owner: internal/identity/device
CREATE TABLE device (
  account_id  BIGINT NOT NULL,
  id          TEXT   NOT NULL,
  kind        TEXT   NOT NULL,
  name        BYTEA  NOT NULL,
  place       BYTEA  NOT NULL,
  created_at  BIGINT NOT NULL,
  used_at     BIGINT NOT NULL,
  PRIMARY KEY (account_id, id)
);

-- owner: internal/identity/session
CREATE TABLE session (
  account_id BIGINT NOT NULL,
  token_hash BYTEA  NOT NULL,
  id         TEXT   NOT NULL,
  device_id  TEXT   NOT NULL,
  epoch      BIGINT NOT NULL,
  proved     TEXT   NOT NULL,
  created_at BIGINT NOT NULL,
  used_at    BIGINT NOT NULL,
  PRIMARY KEY (account_id, token_hash)
);

-- owner: internal/identity/audit
CREATE TABLE audit (
  account_id BIGINT NOT NULL,
  at         BIGINT NOT NULL,
  id         TEXT   NOT NULL,
  kind       TEXT   NOT NULL,
  device_id  TEXT   NOT NULL,
  details    BYTEA  NOT NULL,
  PRIMARY KEY (account_id, at, id)
);
