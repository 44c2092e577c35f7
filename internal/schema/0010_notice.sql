-- What owners were told. What a notice said is not here, and where it went only
-- masked; whether it arrived is the courier's to know.

-- owner: internal/identity/notice
CREATE TABLE notice (
  account_id BIGINT NOT NULL,
  id         TEXT   NOT NULL, -- of the message
  at         BIGINT NOT NULL,
  purpose    TEXT   NOT NULL,
  channel    TEXT   NOT NULL,
  contact    BYTEA  NOT NULL,
  PRIMARY KEY (account_id, id)
);

CREATE INDEX notice_at ON notice (at);
