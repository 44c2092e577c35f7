-- What became of messages. Where they go and what they say is not here: that is
-- sealed in the payload of the job that sends them, and is gone with it.

-- owner: internal/remote/courier
CREATE TABLE courier_message (
  id         TEXT   NOT NULL PRIMARY KEY, -- chosen by whoever posts
  account_id BIGINT NOT NULL,             -- 0: of no account
  channel    TEXT   NOT NULL,
  purpose    TEXT   NOT NULL,
  state      TEXT   NOT NULL,             -- queued, sent, delivered, failed: only forward
  reason     TEXT   NOT NULL,             -- of failed; of queued: why it takes so long
  route      TEXT   NOT NULL,             -- who took it
  handover   BYTEA  NOT NULL,             -- key of courier_handover; empty: none
  tries      BIGINT NOT NULL,             -- runs that ended without anything sent
  posted_at  BIGINT NOT NULL,
  changed_at BIGINT NOT NULL
);

CREATE INDEX courier_message_posted ON courier_message (posted_at);

-- owner: internal/remote/courier
CREATE TABLE courier_handover (
  id         BYTEA  NOT NULL PRIMARY KEY, -- hash of the route and the carrier's id
  message_id TEXT   NOT NULL,             -- '': the receipt was quicker than our own note of the handover
  state      TEXT   NOT NULL,             -- of such an early receipt
  reason     TEXT   NOT NULL,
  at         BIGINT NOT NULL
);

CREATE INDEX courier_handover_early ON courier_handover (at) WHERE message_id = '';

-- owner: internal/remote/courier
CREATE TABLE courier_inbound (
  id BYTEA  NOT NULL PRIMARY KEY, -- hash of the route and the carrier's event id: a text counts once
  at BIGINT NOT NULL
);

CREATE INDEX courier_inbound_at ON courier_inbound (at);
