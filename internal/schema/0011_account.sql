-- Why an account is in its state, since when and until when, who froze it, and
-- when it was last recovered. Of an account that never left "active" all are empty.

ALTER TABLE account ADD COLUMN state_reason TEXT NOT NULL DEFAULT '';
ALTER TABLE account ADD COLUMN state_since BIGINT NOT NULL DEFAULT 0;
ALTER TABLE account ADD COLUMN state_until BIGINT NOT NULL DEFAULT 0;
ALTER TABLE account ADD COLUMN frozen_by TEXT NOT NULL DEFAULT '';
ALTER TABLE account ADD COLUMN recovered_at BIGINT NOT NULL DEFAULT 0;

CREATE INDEX account_state_until ON account (state_until) WHERE state_until <> 0;
