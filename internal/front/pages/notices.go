package pages

import (
	"net/http"
	"strconv"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
)

type noticesPage struct {
	accountFrame
	Notices []noticeRow
	Older   string // where the next page begins, in microseconds; empty: no more
}

func (noticesPage) file() string { return "account_notices" }

type noticeRow struct {
	Time               time.Time
	Icon, Text, To     string
	State              string
	Delivered, Failing bool
}

// noticesAPage is how many notices stand on a page.
const noticesAPage = 30

func (p *Pages) notices(w http.ResponseWriter, r *http.Request, me *session.Live) error {
	var before time.Time
	if micros, err := strconv.ParseInt(r.URL.Query().Get("before"), 10, 64); err == nil && micros > 0 {
		before = time.UnixMicro(micros).UTC()
	}
	list, err := p.cfg.Accounts.Told(r.Context(), me, before, noticesAPage+1)
	if err != nil {
		return err
	}
	return p.write(w, http.StatusOK, p.noticesView(p.noticed(r, me), list))
}

func (p *Pages) noticesView(f *Frame, list []proof.Told) view {
	v := noticesPage{accountFrame: p.accountFrame(f, "/account/activity")}
	f.titled(f.T("page.notices.title"))
	if len(list) > noticesAPage {
		list = list[:noticesAPage]
		v.Older = strconv.FormatInt(list[len(list)-1].At.UnixMicro(), 10)
	}
	for _, n := range list {
		v.Notices = append(v.Notices, f.noticeRow(n))
	}
	return v
}

func (f *Frame) noticeRow(n proof.Told) noticeRow {
	row := noticeRow{Time: n.At, Icon: "smartphone", To: n.To, Text: f.T("told.notice"), State: f.T("page.notices.state.unknown"),
		Delivered: n.State == "delivered", Failing: n.State == "failed"}
	if n.Channel == "email" {
		row.Icon = "mail"
	}
	if key := "told." + n.Purpose; f.has(key) {
		row.Text = f.T(key)
	}
	if key := "page.notices.state." + n.State; f.has(key) {
		row.State = f.T(key)
	}
	if row.Failing {
		row.Icon = "circle-alert"
		if key := "page.notices.failed." + n.Reason; f.has(key) {
			row.State = f.T(key)
		}
	}
	return row
}

// undelivered is the concern that a notice of the last days reached nobody at its
// contact: the owner may have lost it.
func (f *Frame) undelivered(list []proof.Told) []concernRow {
	for _, n := range list {
		if n.State == "failed" && f.now.Sub(n.At) < newDeviceFor {
			return []concernRow{{Text: f.H("page.account.concern_notice", "to", f.StrongNum(n.To)), Href: "/account/notices", Link: f.T("page.account.concern_notice_link")}}
		}
	}
	return nil
}
