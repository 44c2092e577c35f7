package main

import (
	"strings"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/audit"
)

// TestSupportChangesStates: freeze, block and unblock do what the life of an
// account allows, tell the owner's history, and refuse the rest in words.
func TestSupportChangesStates(t *testing.T) {
	b, id := lived(t)
	if err := b.journeys(t.Context()); err != nil {
		t.Fatal(err)
	}
	until := b.Clock.Now().Add(time.Hour)
	for _, c := range []struct {
		cause account.Cause
		want  account.State
		err   string
	}{
		{account.Cause{Event: account.Unblock}, account.Active, "the account is active"},
		{account.Cause{Event: account.Freeze, Reason: "asked by phone"}, account.IsFrozen, ""},
		{account.Cause{Event: account.Freeze}, account.IsFrozen, "the account is frozen"},
		{account.Cause{Event: account.Block, Reason: "Spam", Until: b.Clock.Now().Add(-time.Hour)}, account.IsFrozen, "is past"},
		{account.Cause{Event: account.Block, Reason: "Spam", Until: until}, account.IsBlocked, ""},
		{account.Cause{Event: account.Unblock}, account.IsFrozen, ""}, // as it was before
	} {
		c.cause.By = account.Operator
		err := b.changeState(t.Context(), id.Spaced(), c.cause)
		if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%+v: %v", c.cause, err)
		}
		a, err := b.accounts.Load(t.Context(), b.db, id)
		if err != nil || a.State != c.want || a.State == account.IsBlocked && (a.StateReason != "Spam" || !a.StateUntil.Equal(until)) {
			t.Errorf("%+v: it is %+v, %v", c.cause, a, err)
		}
	}
	list, err := b.audit.List(t.Context(), b.db, id, time.Time{}, 3)
	if err != nil || len(list) != 3 || list[0].Kind != audit.Unblocked || list[1].Kind != audit.Blocked || list[2].Kind != audit.FrozenBySupport || list[2].Details["reason"] != "asked by phone" {
		t.Errorf("the history is %+v, %v", list, err)
	}
}
