-- Prompts on signed-in devices, trust in devices, and what an account wants of a
-- sign-in. An account has one row in prompt: there is one question at a time
-- (S-171), and the key says so.

-- owner: internal/identity/prompt
CREATE TABLE prompt (
  account_id  BIGINT NOT NULL PRIMARY KEY,
  id          TEXT   NOT NULL,
  journey_id  TEXT   NOT NULL,
  device_id   TEXT   NOT NULL,
  state       TEXT   NOT NULL,
  question    BYTEA  NOT NULL,
  created_at  BIGINT NOT NULL,
  expires_at  BIGINT NOT NULL
);

ALTER TABLE device ADD COLUMN trusted_until BIGINT NOT NULL DEFAULT 0;
ALTER TABLE account ADD COLUMN two_step BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE account ADD COLUMN two_step_since BIGINT NOT NULL DEFAULT 0;
ALTER TABLE account ADD COLUMN sms_protected BOOLEAN NOT NULL DEFAULT FALSE;
