package pages

import (
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/change"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/journey/contacts"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
)

func (s *stage) sampleWaiting() []contacts.Pending {
	at := s.f.now.Add(50 * time.Hour)
	return []contacts.Pending{
		{ID: "w1", Kind: change.ReplacePhone, Contact: contact.Phone, Shown: "+86 139 **** 9000", ReadyAt: at},
		{ID: "w2", Kind: change.DisputeEmail, Contact: contact.Email, Shown: "l***@e***.com", ReadyAt: at},
		{ID: "w3", Kind: change.ClaimPhone, Contact: contact.Phone, Shown: "+86 137 **** 7000", ReadyAt: at},
		{ID: "w4", Kind: change.Recover, ReadyAt: at},
	}
}

// objectionStories are what a link of a notice shows, open and over.
func objectionStories() []story {
	show := func(o contacts.Objection, token string, refused *fault.Fault) func(s *stage) (view, error) {
		return func(s *stage) (view, error) {
			o.BegunAt, o.ReadyAt = s.f.now.Add(-5*time.Hour), s.f.now.Add(67*time.Hour)
			if refused == nil {
				return s.objectionView(s.f, o, token, nil), nil
			}
			s.refuse(refused)
			return s.objectionView(s.f, o, token, refused), nil
		}
	}
	var all []story
	for _, k := range []change.Kind{change.ChangePhone, change.ChangeEmail, change.RemovePhone, change.RemoveEmail, change.AddPhone, change.AddEmail, change.SetPassword} {
		o := contacts.Objection{Kind: k, Before: "+86 138 **** 8000", After: "+86 139 **** 9000", Freezes: true}
		if k == change.AddPhone || k == change.AddEmail || k == change.SetPassword {
			o.Before = ""
		}
		all = append(all, story{name: "objection." + string(k), make: show(o, "sso_sample", nil)})
	}
	for _, k := range []change.Kind{change.ReplacePhone, change.ReplaceEmail, change.DisputePhone, change.DisputeEmail, change.Recover, change.Unfreeze, change.SignIn} {
		o := contacts.Objection{Kind: k, Before: "+86 138 **** 8000", After: "+86 139 **** 9000", Waits: true, Freezes: k != change.DisputePhone && k != change.DisputeEmail}
		all = append(all, story{name: "objection." + string(k), make: show(o, "sso_sample", nil)})
	}
	return append(all,
		story{name: "objection.used", status: 409, make: show(contacts.Objection{Kind: change.ChangePhone, Before: "+86 138 **** 8000"}, "sso_sample", contacts.ObjectionUsed)},
		story{name: "objection.expired", status: 410, make: show(contacts.Objection{}, "", contacts.ObjectionExpired)},
		story{name: "account.contacts_waiting", make: func(s *stage) (view, error) {
			s.signIn()
			return s.contactsView(s.f, s.masked(s.sampleContacts()), s.sampleWaiting(), false), nil
		}},
		story{name: "step.contact_disputable", status: 409, make: func(s *stage) (view, error) {
			s.signIn()
			asked := step.AddContact{Head: step.Head{Type: step.TypeAddContact, Inputs: []string{"phone", "dispute"}}, Kind: "phone", Country: "CN"}
			return s.play("change_phone", asked, nil, "", s.declared("contact_in_use").On("phone"))
		}},
	)
}
