package settings_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pquerna/otp/hotp"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/identity/question"
	"github.com/selfsame-id/selfsame/internal/identity/recoverycode"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/identity/totp"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/journey/settings"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/quota"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/words"
)

// eachEquipped is each, with every way to prove that is set up in a few steps, and
// with passwords that were set ten days ago.
func eachEquipped(t *testing.T, f func(h *home)) {
	each(t, func(h *home) {
		ring, err := seal.New()
		if err != nil {
			t.Fatal(err)
		}
		h.TOTP, h.RecoveryCodes = totp.New(ring), recoverycode.New(ring, h.Passwords)
		h.Questions = &proof.Questions{Stored: question.New(ring, h.Passwords), Words: words.Book(), Enabled: true, Tries: proof.QuestionTries()}
		h.Prover.Means = append(h.Prover.Means, proof.ByTOTP(h.Prover, h.TOTP), proof.ByRecoveryCode(h.Prover, h.RecoveryCodes, h.Notices), proof.ByQuestions(h.Prover, h.Questions))
		hashed, err := h.Passwords.Hash(h.t.Context(), "correct horse battery")
		if err != nil {
			t.Fatal(err)
		}
		h.do(func(ctx context.Context, tx *sqldb.Tx) error {
			if err := h.Passwords.Set(ctx, tx, h.ada.AccountID, hashed); err != nil {
				return err
			}
			return h.Passwords.Set(ctx, tx, h.eve.AccountID, hashed)
		})
		h.clock.Advance(10 * 24 * time.Hour)
		f(h)
	})
}

// after is a session as it is right after proofs by these methods; none: after
// proofs that are an hour old.
func (h *home) after(l *session.Live, methods ...string) *session.Live {
	was := *l
	was.Proved = []session.Proof{{Method: "sms_code", At: h.clock.Now().Add(-time.Hour)}, {Method: "password", At: h.clock.Now().Add(-time.Hour)}}
	for _, m := range methods {
		was.Proved = append(was.Proved, session.Proof{Method: m, At: h.clock.Now()})
	}
	return &was
}

// told counts the messages of a purpose to an account.
func (h *home) told(l *session.Live, purpose string) (n int) {
	h.t.Helper()
	if err := h.DB.QueryRow(h.t.Context(), `SELECT COUNT(*) FROM courier_message WHERE account_id = $1 AND purpose = $2`, int64(l.AccountID), purpose).Scan(&n); err != nil {
		h.t.Fatal(err)
	}
	return n
}

func (h *home) wantTold(l *session.Live, purpose string, kind audit.Kind) {
	h.t.Helper()
	if n := h.told(l, purpose); n != 2 {
		h.t.Errorf("%s reached %d contacts, want both", purpose, n)
	}
	if acts := h.acts(l); acts[0].Kind != kind || acts[0].Details["device"] != "phone" {
		h.t.Errorf("the newest act is %+v, want %s", acts[0], kind)
	}
}

func (h *home) wantProof(what string, err error, action string) {
	h.t.Helper()
	if f := fault.From(err); f == nil || f.Code != "proof_required" || f.Args["for"] != action {
		h.t.Errorf("%s without a fresh proof: %v", what, err)
	}
}

func (h *home) shows(secret string, steps int64) string {
	h.t.Helper()
	code, err := hotp.GenerateCode(secret, uint64(h.clock.Now().Unix()/30+steps))
	if err != nil {
		h.t.Fatal(err)
	}
	return code
}

// TestS037_AuthenticatorApp: a stolen session alone enrolls nothing, a secret is a
// factor only after a right code, and both ends are told.
func TestS037_AuthenticatorApp(t *testing.T) {
	eachEquipped(t, func(h *home) {
		ctx := h.t.Context()
		stale, fresh := h.after(h.ada), h.after(h.ada, "sms_code", "password")
		_, err := h.BeginTOTP(ctx, stale)
		h.wantProof("beginning", err, "add_method")
		h.wantProof("confirming", h.ConfirmTOTP(ctx, stale, "123456"), "add_method")
		h.wantProof("removing", h.RemoveTOTP(ctx, stale), "remove_method")
		h.want("confirming nothing", h.ConfirmTOTP(ctx, fresh, "123456"), settings.TOTPNotBegun)

		o, err := h.BeginTOTP(ctx, fresh)
		if err != nil {
			h.t.Fatal(err)
		}
		picture, err := o.Picture()
		if err != nil || !strings.HasPrefix(picture, "data:image/png;base64,iVBORw0KGgo") || !strings.Contains(o.URI, o.Secret) || strings.Contains(o.URI, "ada") {
			h.t.Errorf("%s, %.40s, %v", o.URI, picture, err)
		}
		if have, err := h.Factors(ctx, fresh); err != nil || !have.TOTP.IsZero() {
			h.t.Errorf("half-done, and on: %+v, %v", have, err)
		}
		h.want("no code", h.ConfirmTOTP(ctx, fresh, "12345"), fault.InvalidInput)
		h.want("a wrong code", h.ConfirmTOTP(ctx, fresh, h.shows(o.Secret, 5)), proof.CodeWrong)
		h.want("a right code", h.ConfirmTOTP(ctx, fresh, h.shows(o.Secret, 0)), nil)
		h.want("again", h.ConfirmTOTP(ctx, fresh, h.shows(o.Secret, 0)), settings.TOTPNotBegun)
		h.wantTold(h.ada, "notice_totp_on", audit.TOTPOn)
		if have, err := h.Factors(ctx, fresh); err != nil || !have.TOTP.Equal(h.clock.Now()) {
			h.t.Errorf("it is not on: %+v, %v", have, err)
		}

		h.clock.Advance(4 * 24 * time.Hour)
		h.wantProof("removing by less", h.RemoveTOTP(ctx, h.after(h.ada, "password")), "remove_method")
		h.want("removing", h.RemoveTOTP(ctx, h.after(h.ada, "totp", "password")), nil)
		h.wantTold(h.ada, "notice_totp_off", audit.TOTPOff)
		h.want("removing again", h.RemoveTOTP(ctx, h.after(h.ada, "sms_code", "password")), nil)
		if n := h.told(h.ada, "notice_totp_off"); n != 2 {
			h.t.Errorf("removing nothing is told: %d messages", n)
		}
	})
}

// TestS041_LastSecondStep: while 2-step verification is on, its last second step
// stays.
func TestS041_LastSecondStep(t *testing.T) {
	eachEquipped(t, func(h *home) {
		ctx := h.t.Context()
		h.do(func(ctx context.Context, tx *sqldb.Tx) error { // eve has an e-mail and no phone
			if _, err := tx.Exec(ctx, `DELETE FROM contact WHERE account_id = $1`, int64(h.eve.AccountID)); err != nil {
				return err
			}
			if _, err := h.Contacts.Claim(ctx, tx, contact.Email, "eve@example.com", h.eve.AccountID); err != nil {
				return err
			}
			if err := h.Contacts.Add(ctx, tx, h.eve.AccountID, contact.Email, "eve@example.com"); err != nil {
				return err
			}
			_, err := h.Accounts.SetTwoStep(ctx, tx, h.eve.AccountID, true)
			return err
		})
		h.enroll(h.eve)
		h.clock.Advance(4 * 24 * time.Hour)
		eve := h.after(h.eve, "totp", "password")
		h.want("the last second step", h.RemoveTOTP(ctx, eve), proof.LastSecondStep)
		if have, err := h.Factors(ctx, eve); err != nil || have.TOTP.IsZero() || h.told(h.eve, "notice_totp_off") != 0 {
			h.t.Errorf("a refused removal did something: %+v, %v", have, err)
		}
		h.do(func(ctx context.Context, tx *sqldb.Tx) error {
			_, err := h.Accounts.SetTwoStep(ctx, tx, h.eve.AccountID, false)
			return err
		})
		h.want("with 2-step verification off", h.RemoveTOTP(ctx, eve), nil)
	})
}

// enroll gives an account an authenticator app.
func (h *home) enroll(l *session.Live) {
	h.t.Helper()
	h.do(func(ctx context.Context, tx *sqldb.Tx) error {
		secret, err := h.TOTP.Begin(ctx, tx, l.AccountID)
		if err != nil {
			return err
		}
		right, err := h.TOTP.Confirm(ctx, tx, l.AccountID, h.shows(secret, 0))
		if err == nil && !right {
			h.t.Error("the code is wrong")
		}
		return err
	})
}

// TestS039_RecoveryCodes: made with a strong proof only, shown in the one answer,
// told each time.
func TestS039_RecoveryCodes(t *testing.T) {
	eachEquipped(t, func(h *home) {
		ctx := h.t.Context()
		_, err := h.NewRecoveryCodes(ctx, h.after(h.ada))
		h.wantProof("making", err, "recovery_codes")
		_, err = h.NewRecoveryCodes(ctx, h.after(h.ada, "sms_code"))
		h.wantProof("making", err, "recovery_codes")
		fresh := h.after(h.ada, "sms_code", "password")
		first, err := h.NewRecoveryCodes(ctx, fresh)
		if err != nil || len(first) != 10 {
			h.t.Fatalf("%d codes, %v", len(first), err)
		}
		h.wantTold(h.ada, "notice_recovery_codes", audit.RecoveryCodesNew)
		if have, err := h.Factors(ctx, fresh); err != nil || have.RecoveryCodes != 10 || !have.CodesMadeAt.Equal(h.clock.Now()) {
			h.t.Errorf("%+v, %v", have, err)
		}
		second, err := h.NewRecoveryCodes(ctx, fresh)
		if err != nil || second[0] == first[0] {
			h.t.Errorf("%v", err)
		}
		if n := h.told(h.ada, "notice_recovery_codes"); n != 4 {
			h.t.Errorf("a renewal is not told: %d messages", n)
		}
		file := settings.CodesFile(append(second, "http://evil.example", "<script>"))
		if diff := cmp.Diff(strings.Join(second, "\r\n")+"\r\n", file); diff != "" {
			h.t.Error(diff)
		}
	})
}

var (
	three = []question.Answer{{Question: "hiding_place", Answer: "behind the coal shed"}, {Question: "neighbor_nickname", Answer: "Küchen Karl"}, {Question: "lost_thing", Answer: "a tin whistle"}}
	other = []question.Answer{{Question: "family_word", Answer: "frumpelig"}, {Question: "way_to_school", Answer: "the burnt oak"}, {Question: "lost_thing", Answer: "a glass marble"}}
)

// TestTopic_Q02_Reset: with a verified contact that is old enough, and a proof,
// questions are set anew; the old answers are over.
func TestTopic_Q02_Reset(t *testing.T) {
	eachEquipped(t, func(h *home) {
		ctx := h.t.Context()
		h.wantProof("setting", h.SetQuestions(ctx, h.after(h.ada), three), "add_method")
		fresh := h.after(h.ada, "sms_code", "password")
		h.want("setting", h.SetQuestions(ctx, fresh, three), nil)
		h.wantTold(h.ada, "notice_questions_set", audit.QuestionsSet)
		h.want("resetting", h.SetQuestions(ctx, fresh, other), nil)
		stored, err := h.Questions.Stored.Load(ctx, h.DB, h.ada.AccountID)
		if err != nil {
			h.t.Fatal(err)
		}
		for _, tt := range []struct {
			answers []question.Answer
			want    bool
		}{{three, false}, {other, true}} {
			var typed []string
			for _, a := range tt.answers {
				typed = append(typed, a.Answer)
			}
			if right, err := h.Questions.Stored.Check(ctx, stored, typed); err != nil || right != tt.want {
				h.t.Errorf("%q: %v, %v", typed, right, err)
			}
		}
		h.clock.Advance(time.Minute) // acts of one moment have no order
		h.wantProof("removing", h.RemoveQuestions(ctx, h.after(h.ada)), "remove_method")
		h.want("removing", h.RemoveQuestions(ctx, fresh), nil)
		h.wantTold(h.ada, "notice_questions_off", audit.QuestionsOff)
		if have, err := h.Factors(ctx, fresh); err != nil || !have.Questions.IsZero() || have.QuestionsRefused != nil {
			h.t.Errorf("%+v, %v", have, err)
		}
	})
}

// TestTopic_Q03_EveryRefusalNamesItsReason, and when it ends where waiting helps.
func TestTopic_Q03_EveryRefusalNamesItsReason(t *testing.T) {
	eachEquipped(t, func(h *home) {
		refused := func(l *session.Live, reason string, wait time.Duration) {
			h.t.Helper()
			fresh := h.after(l, "sms_code", "email_code", "password")
			f := fault.From(h.SetQuestions(h.t.Context(), fresh, three))
			if f == nil || f.Code != "questions_unavailable" || f.Args["reason"] != reason || (wait == 0) != f.RetryAt.IsZero() || wait != 0 && f.RetryAt.Sub(h.clock.Now()) != wait {
				h.t.Errorf("want %s for %v: %+v", reason, wait, f)
			}
			have, err := h.Factors(h.t.Context(), fresh)
			if err != nil || have.QuestionsRefused == nil || have.QuestionsRefused.Args["reason"] != reason || !have.Questions.IsZero() {
				h.t.Errorf("the page says %+v, %v", have, err)
			}
		}
		h.Questions.Enabled = false
		refused(h.ada, "policy", 0)
		h.Questions.Enabled = true

		frozen := *h.ada
		frozen.Account.State = account.IsFrozen
		refused(&frozen, "frozen", 0)

		h.do(func(ctx context.Context, tx *sqldb.Tx) error {
			for range proof.TriesADay {
				if _, err := h.Book.Spend(ctx, tx, quota.Spend{Limit: h.Questions.Tries, Subject: h.ada.AccountID.String()}); err != nil {
					return err
				}
			}
			return nil
		})
		h.clock.Advance(time.Hour)
		refused(h.ada, "too_many_tries", 23*time.Hour)

		h.do(func(ctx context.Context, tx *sqldb.Tx) error {
			_, err := tx.Exec(ctx, `DELETE FROM contact WHERE account_id = $1`, int64(h.eve.AccountID))
			return err
		})
		refused(h.eve, "no_contact", 0)
		h.do(func(ctx context.Context, tx *sqldb.Tx) error {
			if _, err := h.Contacts.Claim(ctx, tx, contact.Email, "eve@example.com", h.eve.AccountID); err != nil {
				return err
			}
			return h.Contacts.Add(ctx, tx, h.eve.AccountID, contact.Email, "eve@example.com")
		})
		h.clock.Advance(time.Hour)
		refused(h.eve, "contact_too_new", 71*time.Hour)
		h.clock.Advance(71 * time.Hour)
		h.want("once it is old enough", h.SetQuestions(h.t.Context(), h.after(h.eve, "email_code", "password"), three), nil)
	})
}

// TestS079_AnswersOthersKnow: what others know of the owner is no answer, whoever
// tells of it.
func TestS079_AnswersOthersKnow(t *testing.T) {
	eachEquipped(t, func(h *home) {
		h.ada.Account.Nickname = "Ada of Turin"
		fresh := h.after(h.ada, "sms_code", "password")
		for _, answer := range []string{"+1 415 555 0123 at home", "ada@example.com", "ADA-OF-TURIN", "selfsame", h.ada.AccountID.Spaced(), "bedroom", "behind the coal shed", "exactly"} {
			f := fault.From(h.SetQuestions(h.t.Context(), fresh, []question.Answer{three[0], {Question: "family_word", Answer: answer}, three[2]}))
			if answer == "exactly" { // it stands in another question
				if f != nil {
					h.t.Errorf("%q: %v", answer, f)
				}
				continue
			}
			if f == nil || f.Code != "answer_guessable" || f.Field != "questions.1.answer" {
				h.t.Errorf("%q: %v", answer, f)
			}
		}
	})
}
