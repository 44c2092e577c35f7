package pages

import (
	"cmp"
	"net/http"
	"strconv"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/session"
)

type activityPage struct {
	accountFrame
	Events []activityRow
	Older  string // where the next page begins, in microseconds; empty: no more
}

func (activityPage) file() string { return "account_activity" }

type activityRow struct {
	Time                      time.Time
	Icon, Text, Device, Place string
}

var eventIcons = map[audit.Kind]string{
	audit.AccountCreated: "user-round", audit.SignedIn: "circle-check", audit.SignedOut: "log-out", audit.DeviceRemoved: "log-out",
	audit.OthersSignedOut: "log-out", audit.PasswordWrong: "circle-alert", audit.PasswordSet: "key-round", audit.CodesExhausted: "circle-alert",
	audit.ContactAdded: "smartphone", audit.ContactsViewed: "eye", audit.ProfileChanged: "user-round", audit.OperatorSignOut: "log-out",
	audit.PasswordLimited: "circle-alert", audit.CodesLimited: "circle-alert", audit.SignInRefused: "circle-alert", audit.AnswersWrong: "circle-alert",
	audit.PromptApproved: "bell", audit.PromptDenied: "circle-alert", audit.TwoStepOn: "shield-check", audit.TwoStepOff: "shield-check",
	audit.SMSProtected: "shield-check", audit.SMSUnprotected: "shield-check", audit.DeviceTrusted: "monitor", audit.DeviceDistrusted: "monitor",
	audit.Proved: "circle-check", audit.PasskeyAdded: "fingerprint", audit.PasskeyRenamed: "fingerprint", audit.PasskeyRemoved: "fingerprint", audit.PasskeySuspect: "triangle-alert",
	audit.TOTPOn: "timer", audit.TOTPOff: "timer", audit.RecoveryCodesNew: "ticket", audit.RecoveryCodeUsed: "ticket",
	audit.QuestionsSet: "message-circle-question-mark", audit.QuestionsOff: "message-circle-question-mark",
	audit.ContactChanged: "smartphone", audit.ContactReplacing: "clock", audit.ContactRemoved: "trash-2", audit.ContactDisputed: "flag", audit.ContactReleased: "flag",
	audit.DisputeBegun: "flag", audit.ChangeWithdrawn: "undo-2", audit.ChangeObjected: "undo-2", audit.ChangeLapsed: "clock",
	audit.Frozen: "snowflake", audit.FrozenByRule: "snowflake", audit.FrozenBySupport: "snowflake", audit.Unfrozen: "lock-open", audit.Thawed: "lock-open",
	audit.Blocked: "triangle-alert", audit.Unblocked: "lock-open", audit.Recovered: "life-buoy", audit.TakeoverUndone: "undo-2", audit.RecoveryWait: "clock",
}

// event says what happened: the sentence audit.<kind>, or audit.<kind>_<method>
// where there is one.
func (f *Frame) event(e audit.Entry) string {
	args := []any{"device", e.Details["device"], "place", e.Details["place"], "method", e.Details["method"], "contact", e.Details["contact"], "devices", e.Details["signed_out"], "provider", f.providerName(e.Details["provider"])}
	key := "audit." + string(e.Kind)
	if e.Details["signed_out"] != "" && f.has(key+"_signed_out") {
		key += "_signed_out" // which devices have to sign in anew
	}
	if with := key + "_" + e.Details["method"]; f.has(with) {
		key = with
	}
	return f.T(key, args...)
}

func (f *Frame) activityRow(e audit.Entry) activityRow {
	icon := cmp.Or(eventIcons[e.Kind], "info")
	if provider := e.Details["provider"]; provider != "" {
		icon = f.providerIcon(provider)
	}
	return activityRow{Time: e.At, Icon: icon, Text: f.event(e), Device: e.Details["device"], Place: e.Details["place"]}
}

// eventsAPage is how many entries of the activity stand on a page.
const eventsAPage = 30

func (p *Pages) activity(w http.ResponseWriter, r *http.Request, me *session.Live) error {
	var before time.Time
	if micros, err := strconv.ParseInt(r.URL.Query().Get("before"), 10, 64); err == nil && micros > 0 {
		before = time.UnixMicro(micros).UTC()
	}
	events, err := p.cfg.Accounts.Activity(r.Context(), me, before, eventsAPage+1)
	if err != nil {
		return err
	}
	return p.write(w, http.StatusOK, p.activityView(p.noticed(r, me), events))
}

func (p *Pages) activityView(f *Frame, events []audit.Entry) view {
	v := activityPage{accountFrame: p.accountFrame(f, "/account/activity")}
	if len(events) > eventsAPage {
		events = events[:eventsAPage]
		v.Older = strconv.FormatInt(events[len(events)-1].At.UnixMicro(), 10)
	}
	for _, e := range events {
		v.Events = append(v.Events, f.activityRow(e))
	}
	return v
}
