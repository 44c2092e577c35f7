-- What happens or has happened to how an account is proved, for as long as it
-- can be objected to; and the contacts that an account had a short while ago.

-- owner: internal/identity/change
CREATE TABLE change (
  account_id   BIGINT NOT NULL,
  id           TEXT   NOT NULL,
  token_hash   BYTEA  NOT NULL,
  kind         TEXT   NOT NULL,
  state        TEXT   NOT NULL,
  proved_by    TEXT   NOT NULL,
  peer_id      BIGINT NOT NULL,
  before       BYTEA  NOT NULL,
  after        BYTEA  NOT NULL,
  begun_at     BIGINT NOT NULL,
  ready_at     BIGINT NOT NULL,
  object_until BIGINT NOT NULL,
  PRIMARY KEY (account_id, id)
);
CREATE INDEX change_begun ON change (begun_at);
CREATE INDEX change_ready ON change (ready_at) WHERE state = 'waiting';

-- owner: internal/identity/contact
CREATE TABLE contact_former (
  account_id  BIGINT NOT NULL,
  id          TEXT   NOT NULL,
  kind        TEXT   NOT NULL,
  address     BYTEA  NOT NULL,
  verified_at BIGINT NOT NULL,
  replaced_at BIGINT NOT NULL,
  PRIMARY KEY (account_id, id)
);
CREATE INDEX contact_former_replaced ON contact_former (replaced_at);

-- owner: internal/identity/contact
CREATE TABLE contact_former_holder (
  hash        BYTEA  NOT NULL,
  account_id  BIGINT NOT NULL,
  id          TEXT   NOT NULL,
  replaced_at BIGINT NOT NULL,
  PRIMARY KEY (hash, account_id, id)
);
CREATE INDEX contact_former_holder_replaced ON contact_former_holder (replaced_at);

-- Whether the contact took the place of another one.
ALTER TABLE contact ADD COLUMN replaced BOOLEAN NOT NULL DEFAULT FALSE;
