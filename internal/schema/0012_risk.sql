-- From where an account was signed in to, for a while: what is new is noticed
-- against it. network is a keyed hash, spot a sealed rough position.

-- owner: internal/identity/footprint
CREATE TABLE footprint (
  account_id BIGINT NOT NULL,
  network    TEXT   NOT NULL,
  country    TEXT   NOT NULL,
  spot       BYTEA  NOT NULL,
  seen_at    BIGINT NOT NULL,
  PRIMARY KEY (account_id, network)
);

-- When the present password was found in a list of stolen ones; 0: it was not.
ALTER TABLE credential_password ADD COLUMN breached_at BIGINT NOT NULL DEFAULT 0;
