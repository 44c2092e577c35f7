package invariant

// rule is a sentence and the query that answers what breaks it: one text column,
// read with a LIMIT behind it.
type rule struct{ sentence, breaks string }

// Acts that belong together are written in one transaction, whose entries of the
// audit stand at its time and, where there are several, microseconds after it:
// "BETWEEN at AND at + 1" finds them.
var rules = []rule{
	// Identifiers.
	{"a session's id is unique", `SELECT id FROM session GROUP BY id HAVING COUNT(*) > 1`},
	{"a session's token is unique", `SELECT MIN(id) FROM session GROUP BY token_hash HAVING COUNT(*) > 1`},
	{"an audit row's id is unique", `SELECT id FROM audit GROUP BY id HAVING COUNT(*) > 1`},

	// Contacts: contact and contact_holder are two views of one thing.
	{"a contact stands at an account", `SELECT CAST(c.account_id AS TEXT) FROM contact c LEFT JOIN account a ON a.id = c.account_id WHERE a.id IS NULL`},
	{"a contact has a holder", `SELECT CAST(c.account_id AS TEXT) FROM contact c LEFT JOIN contact_holder h ON h.account_id = c.account_id AND h.kind = c.kind WHERE h.account_id IS NULL`},
	{"a holder has its contact", `SELECT CAST(h.account_id AS TEXT) FROM contact_holder h LEFT JOIN contact c ON c.account_id = h.account_id AND c.kind = h.kind WHERE c.account_id IS NULL`},
	{"a contact came with an act of its owner", `SELECT CAST(c.account_id AS TEXT) FROM contact c WHERE NOT EXISTS (SELECT 1 FROM audit a
		WHERE a.account_id = c.account_id AND a.kind IN ('account_created', 'contact_added', 'contact_changed') AND a.at BETWEEN c.verified_at AND c.verified_at + 1)`},
	{"an active account has a way in and a way back", `SELECT CAST(a.id AS TEXT) FROM account a WHERE a.state = 'active' AND NOT EXISTS (SELECT 1 FROM contact c WHERE c.account_id = a.id)
		AND NOT EXISTS (SELECT 1 FROM link l WHERE l.account_id = a.id)
		AND NOT EXISTS (SELECT 1 FROM audit t WHERE t.account_id = a.id AND t.kind = 'contact_released')`}, // the exception of S-73
	{"a former contact is found by its index", `SELECT f.id FROM contact_former f LEFT JOIN contact_former_holder h ON h.account_id = f.account_id AND h.id = f.id AND h.replaced_at = f.replaced_at WHERE h.id IS NULL`},
	{"a former contact's index has its contact", `SELECT h.id FROM contact_former_holder h LEFT JOIN contact_former f ON f.account_id = h.account_id AND f.id = h.id WHERE f.id IS NULL`},

	// Linked accounts: link and link_holder are two views of one thing.
	{"a link stands at an account", `SELECT CAST(l.account_id AS TEXT) FROM link l LEFT JOIN account a ON a.id = l.account_id WHERE a.id IS NULL`},
	{"a link has a holder", `SELECT CAST(l.account_id AS TEXT) FROM link l LEFT JOIN link_holder h ON h.account_id = l.account_id AND h.provider = l.provider WHERE h.account_id IS NULL`},
	{"a holder has its link", `SELECT CAST(h.account_id AS TEXT) FROM link_holder h LEFT JOIN link l ON l.account_id = h.account_id AND l.provider = h.provider WHERE l.account_id IS NULL`},
	{"a link came with an act of its owner", `SELECT CAST(l.account_id AS TEXT) FROM link l WHERE NOT EXISTS (SELECT 1 FROM audit a
		WHERE a.account_id = l.account_id AND a.kind IN ('account_created', 'linked') AND a.at BETWEEN l.linked_at AND l.linked_at + 1)`},
	{"a link was used since it is there", `SELECT CAST(account_id AS TEXT) FROM link WHERE used_at < linked_at`},

	// Visits to providers.
	{"a visit is at a stage that exists, and keeps an answer while it has one", `SELECT journey_id FROM federation_trip
		WHERE stage NOT IN ('out', 'held', 'back', 'taken') OR (LENGTH(answer) = 0) <> (stage IN ('out', 'taken'))`},
	{"nothing came back from a visit on which nobody went", `SELECT journey_id FROM federation_trip WHERE stage <> 'out' AND LENGTH(browser) = 0`},

	// What waits, and what can be undone.
	{"a change is of an account, in a state that exists", `SELECT c.id FROM change c LEFT JOIN account a ON a.id = c.account_id
		WHERE a.id IS NULL OR c.state NOT IN ('waiting', 'done', 'objected', 'withdrawn', 'used', 'lapsed')`},
	{"a dispute that waits has its claim", `SELECT c.id FROM change c LEFT JOIN change o ON o.account_id = c.peer_id AND o.id = c.id
		WHERE c.kind LIKE 'dispute%' AND c.state = 'waiting' AND o.id IS NULL`},

	// Accounts and what hangs on them.
	{"an account's state is one of those that exist", `SELECT CAST(id AS TEXT) FROM account WHERE state NOT IN ('active', 'frozen', 'blocked', 'leaving', 'gone') OR epoch < 1`},
	{"an account was made once", `SELECT CAST(a.id AS TEXT) FROM account a WHERE (SELECT COUNT(*) FROM audit t WHERE t.account_id = a.id AND t.kind = 'account_created') <> 1`},
	{"an audit row is of an account", `SELECT t.id FROM audit t LEFT JOIN account a ON a.id = t.account_id WHERE a.id IS NULL`},
	{"a device is of an account", `SELECT d.id FROM device d LEFT JOIN account a ON a.id = d.account_id WHERE a.id IS NULL`},
	{"a picture is that of its account", `SELECT p.id FROM account_avatar p LEFT JOIN account a ON a.id = p.account_id AND a.avatar = p.id WHERE a.id IS NULL`},
	{"an account's picture is there", `SELECT CAST(a.id AS TEXT) FROM account a LEFT JOIN account_avatar p ON p.account_id = a.id AND p.id = a.avatar WHERE a.avatar <> '' AND p.id IS NULL`},

	// Passwords.
	{"a password is of an account", `SELECT CAST(p.account_id AS TEXT) FROM credential_password p LEFT JOIN account a ON a.id = p.account_id WHERE a.id IS NULL`},
	{"a password came with an act of its owner", `SELECT CAST(p.account_id AS TEXT) FROM credential_password p WHERE NOT EXISTS (SELECT 1 FROM audit a
		WHERE a.account_id = p.account_id AND a.kind IN ('account_created', 'password_set') AND a.at BETWEEN p.set_at AND p.set_at + 1)`},
	{"an earlier password has a present one", `SELECT CAST(e.account_id AS TEXT) FROM credential_earlier e LEFT JOIN credential_password p ON p.account_id = e.account_id WHERE p.account_id IS NULL`},
	{"five earlier passwords are remembered", `SELECT CAST(account_id AS TEXT) FROM credential_earlier GROUP BY account_id HAVING COUNT(*) > 5`},

	// Sessions.
	{"a session's account lets its owner in", `SELECT s.id FROM session s LEFT JOIN account a ON a.id = s.account_id
		WHERE a.id IS NULL OR s.epoch > a.epoch OR s.epoch = a.epoch AND a.state <> 'active'`},
	{"a session has its device", `SELECT s.id FROM session s LEFT JOIN device d ON d.account_id = s.account_id AND d.id = s.device_id WHERE d.id IS NULL`},
	{"a session began with one sign-in", `SELECT s.id FROM session s WHERE (SELECT COUNT(*) FROM audit a WHERE a.account_id = s.account_id
		AND a.kind = 'signed_in' AND a.device_id = s.device_id AND a.at BETWEEN s.created_at AND s.created_at + 1) <> 1`},

	// Messages and the work that sends them.
	{"a message has a state and a purpose", `SELECT id FROM courier_message WHERE state NOT IN ('queued', 'sent', 'delivered', 'failed') OR purpose = '' OR channel NOT IN ('sms', 'email')`},
	{"a message is of nobody or of an account", `SELECT m.id FROM courier_message m LEFT JOIN account a ON a.id = m.account_id WHERE m.account_id <> 0 AND a.id IS NULL`},
	{"a notice tells of an act", `SELECT m.id FROM courier_message m WHERE m.purpose LIKE 'notice%' AND NOT EXISTS (SELECT 1 FROM audit a
		WHERE a.account_id = m.account_id AND a.at BETWEEN m.posted_at - CASE WHEN m.purpose = 'notice_failed_attempts' THEN 86400000000 ELSE 0 END AND m.posted_at + 1)`},
	{"a queued message has its job", `SELECT m.id FROM courier_message m LEFT JOIN job j ON j.id = m.id WHERE m.state = 'queued' AND j.id IS NULL`},
	{"a message that has gone has no job", `SELECT m.id FROM courier_message m JOIN job j ON j.id = m.id WHERE m.state <> 'queued' AND j.dead_at = 0`},
	{"a job of the outbox has its message", `SELECT j.id FROM job j LEFT JOIN courier_message m ON m.id = j.id WHERE j.kind IN ('courier.sms', 'courier.email') AND m.id IS NULL`},
	{"a handover has its message", `SELECT h.message_id FROM courier_handover h LEFT JOIN courier_message m ON m.id = h.message_id WHERE h.message_id <> '' AND m.id IS NULL`},
	{"a job that nobody works on has no lease", `SELECT id FROM job WHERE attempt < 0 OR lease <> '' AND attempt = 0`},
}
