package api

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/selfsame-id/selfsame/internal/front/httpd"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/kit/email"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/picture"
	"github.com/selfsame-id/selfsame/internal/remote/numbers"
)

type accountBrief struct {
	ID       string `json:"id" doc:"12 digits."`
	State    string `json:"state"`
	Nickname string `json:"nickname"`
}

type deviceBrief struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Kind  string `json:"kind"`
	Place string `json:"place,omitempty" doc:"Approximate."`
}

type sessionOut struct {
	Body struct {
		Account   accountBrief    `json:"account"`
		Device    deviceBrief     `json:"device"`
		Proved    []session.Proof `json:"proved" doc:"The methods that proved this session, and when."`
		CreatedAt time.Time       `json:"created_at"`
		ExpiresAt time.Time       `json:"expires_at" doc:"When it ends without further use, or at the latest."`
	}
}

func (a *api) session() {
	tags := []string{"Session"}
	op(a, withSession(huma.Operation{OperationID: "get-session", Method: http.MethodGet, Path: "/api/v1/session", Tags: tags, Summary: "Who am I"}),
		func(ctx context.Context, _ *struct{}) (*sessionOut, error) {
			l, err := a.live(ctx)
			if err != nil {
				return nil, err
			}
			o := &sessionOut{}
			o.Body.Account = accountBrief{l.AccountID.String(), string(l.Account.State), l.Account.Nickname}
			o.Body.Device = deviceBrief{l.DeviceID, l.Device.Name, l.Device.Kind, l.Device.Place}
			o.Body.Proved, o.Body.CreatedAt, o.Body.ExpiresAt = l.Proved, l.CreatedAt, l.ExpiresAt
			return o, nil
		})
	op(a, withSession(huma.Operation{OperationID: "end-session", Method: http.MethodDelete, Path: "/api/v1/session", Tags: tags, Summary: "Sign out", DefaultStatus: http.StatusNoContent}),
		func(ctx context.Context, _ *struct{}) (*struct{}, error) {
			l, err := a.live(ctx)
			if err != nil {
				return nil, err
			}
			return nil, a.Settings.SignOut(ctx, l)
		})
}

type contactOut struct {
	Address    string    `json:"address" doc:"Masked, unless this call is the one for full contacts."`
	VerifiedAt time.Time `json:"verified_at"`
}

type ownMethod struct {
	Method string `json:"method"`
	On     bool   `json:"on"`
}

type accountOut struct {
	Body struct {
		ID        string      `json:"id"`
		State     string      `json:"state"`
		Region    string      `json:"region"`
		Locale    string      `json:"locale"`
		Nickname  string      `json:"nickname"`
		Avatar    string      `json:"avatar,omitempty" doc:"Address of the picture."`
		CreatedAt time.Time   `json:"created_at"`
		Phone     *contactOut `json:"phone,omitempty"`
		Email     *contactOut `json:"email,omitempty"`
		Methods   []ownMethod `json:"methods" doc:"Ways to prove that the account is yours."`
	}
}

type contactsOut struct {
	Body struct {
		Phone *contactOut `json:"phone,omitempty"`
		Email *contactOut `json:"email,omitempty"`
	}
}

type profileBody struct {
	Nickname *string `json:"nickname,omitempty" doc:"At most 40 characters; empty removes it."`
	Locale   *string `json:"locale,omitempty" doc:"Language of messages to the owner."`
}

type passwordBody struct {
	NewPassword string `json:"new_password"`
	KeepOthers  bool   `json:"keep_others,omitempty" doc:"Leave other devices signed in."`
}

func (a *api) account() {
	tags := []string{"Account"}
	op(a, withSession(huma.Operation{OperationID: "get-account", Method: http.MethodGet, Path: "/api/v1/account", Tags: tags, Summary: "The account, contacts masked"}),
		func(ctx context.Context, _ *struct{}) (*accountOut, error) {
			l, err := a.live(ctx)
			if err != nil {
				return nil, err
			}
			return a.overview(ctx, l)
		})
	op(a, withSession(huma.Operation{OperationID: "change-account", Method: http.MethodPatch, Path: "/api/v1/account", Tags: tags, Summary: "Change nickname or language"}), a.changeProfile)
	op(a, withSession(huma.Operation{OperationID: "get-contacts", Method: http.MethodGet, Path: "/api/v1/account/contacts", Tags: tags,
		Summary: "The contacts in full", Description: "Needs a proof that is at most ten minutes old; else proof_required.", Errors: []int{403}}), a.fullContacts)
	op(a, withSession(huma.Operation{OperationID: "set-password", Method: http.MethodPut, Path: "/api/v1/password", Tags: tags,
		Summary: "Set or change the password", DefaultStatus: http.StatusNoContent, Errors: []int{403}}),
		func(ctx context.Context, in *struct{ body[passwordBody] }) (*struct{}, error) {
			l, err := a.live(ctx)
			if err != nil {
				return nil, err
			}
			return nil, a.Settings.SetPassword(ctx, l, in.Body.NewPassword, in.Body.KeepOthers)
		})
	a.avatar()
	op(a, withSession(huma.Operation{OperationID: "list-activity", Method: http.MethodGet, Path: "/api/v1/activity", Tags: tags, Summary: "Recent activity, newest first"}), a.activity)
}

func (a *api) overview(ctx context.Context, l *session.Live) (*accountOut, error) {
	v, err := a.Settings.Overview(ctx, l)
	if err != nil {
		return nil, err
	}
	o := &accountOut{}
	b := &o.Body
	b.ID, b.State, b.Region, b.Locale = l.AccountID.String(), string(l.Account.State), l.Account.Region, l.Account.Locale
	b.Nickname, b.CreatedAt = l.Account.Nickname, l.Account.CreatedAt
	if l.Account.Avatar != "" {
		b.Avatar = "/api/v1/account/avatar"
	}
	phone, hasPhone := contact.Of(v.Contacts, contact.Phone)
	mail, hasMail := contact.Of(v.Contacts, contact.Email)
	if hasPhone {
		b.Phone = &contactOut{numbers.Mask(phone.Address), phone.VerifiedAt}
	}
	if hasMail {
		b.Email = &contactOut{email.Mask(mail.Address), mail.VerifiedAt}
	}
	b.Methods = []ownMethod{{"sms_code", hasPhone}, {"email_code", hasMail}, {"password", !v.Password.IsZero()}}
	return o, nil
}

func (a *api) changeProfile(ctx context.Context, in *struct{ body[profileBody] }) (*accountOut, error) {
	l, err := a.live(ctx)
	if err != nil {
		return nil, err
	}
	if err := a.Settings.ChangeProfile(ctx, l, in.Body.Nickname, in.Body.Locale); err != nil {
		return nil, err
	}
	if l, err = a.live(ctx); err != nil {
		return nil, err
	}
	return a.overview(ctx, l)
}

func (a *api) fullContacts(ctx context.Context, _ *struct{}) (*contactsOut, error) {
	l, err := a.live(ctx)
	if err != nil {
		return nil, err
	}
	list, err := a.Settings.FullContacts(ctx, l)
	if err != nil {
		return nil, err
	}
	o := &contactsOut{}
	for _, c := range list {
		full := &contactOut{c.Address, c.VerifiedAt}
		if c.Kind == contact.Phone {
			o.Body.Phone = full
		} else {
			o.Body.Email = full
		}
	}
	return o, nil
}

// avatar registers the picture's calls: its body is the picture itself.
func (a *api) avatar() {
	put := func(w http.ResponseWriter, r *http.Request) error {
		ctx := context.WithValue(r.Context(), requestKey{}, &request{r, a.Router})
		l, err := a.live(ctx)
		if err != nil {
			return err
		}
		if kind := r.Header.Get("Content-Type"); kind != "image/jpeg" && kind != "image/png" {
			return httpd.UnsupportedMedia
		}
		data, err := io.ReadAll(r.Body)
		if err != nil {
			return httpd.TooLarge.Because(err)
		}
		if len(data) == 0 {
			return fault.InvalidInput.On("avatar")
		}
		if err := a.Settings.SetAvatar(ctx, l, data); err != nil {
			return err
		}
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	a.Router.Handle("PUT /api/v1/account/avatar", put, httpd.Body(picture.BytesMost))
	security := []map[string][]string{{"session": {}}}
	a.huma.OpenAPI().AddOperation(&huma.Operation{OperationID: "set-avatar", Method: http.MethodPut, Path: "/api/v1/account/avatar", Tags: []string{"Account"}, Security: security,
		Summary: "Set the picture", Description: "JPEG or PNG of at most 5 MiB and 24 megapixels; it is cut to a square and encoded anew.",
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"image/png": {}, "image/jpeg": {}}},
		Responses:   map[string]*huma.Response{"204": {Description: "No Content"}}})
	type picture struct {
		Type string `header:"Content-Type"`
		Body []byte
	}
	op(a, withSession(huma.Operation{OperationID: "get-avatar", Method: http.MethodGet, Path: "/api/v1/account/avatar", Tags: []string{"Account"}, Summary: "The picture, a PNG", Errors: []int{404}}),
		func(ctx context.Context, _ *struct{}) (*picture, error) {
			l, err := a.live(ctx)
			if err != nil {
				return nil, err
			}
			png, err := a.Settings.Avatar(ctx, l)
			return &picture{"image/png", png}, err
		})
	op(a, withSession(huma.Operation{OperationID: "delete-avatar", Method: http.MethodDelete, Path: "/api/v1/account/avatar", Tags: []string{"Account"}, Summary: "Remove the picture", DefaultStatus: http.StatusNoContent}),
		func(ctx context.Context, _ *struct{}) (*struct{}, error) {
			l, err := a.live(ctx)
			if err != nil {
				return nil, err
			}
			return nil, a.Settings.SetAvatar(ctx, l, nil)
		})
}

type act struct {
	ID       string            `json:"id"`
	Kind     string            `json:"kind"`
	At       time.Time         `json:"at"`
	DeviceID string            `json:"device_id,omitempty"`
	Details  map[string]string `json:"details"`
}

type activityOut struct {
	Body struct {
		Activity []act  `json:"activity"`
		Next     string `json:"next,omitempty" doc:"Give as before to read on."`
	}
}

// activityMost is how many acts one answer holds.
const activityMost = 50

func (a *api) activity(ctx context.Context, in *struct {
	Before string `query:"before" maxLength:"20" doc:"Read on from here: next of the last answer."`
}) (*activityOut, error) {
	l, err := a.live(ctx)
	if err != nil {
		return nil, err
	}
	var before time.Time
	if in.Before != "" {
		micros, err := strconv.ParseInt(in.Before, 10, 64)
		if err != nil || micros < 1 {
			return nil, fault.InvalidInput.On("before")
		}
		before = time.UnixMicro(micros)
	}
	list, err := a.Settings.Activity(ctx, l, before, activityMost)
	if err != nil {
		return nil, err
	}
	o := &activityOut{}
	o.Body.Activity = make([]act, 0, len(list))
	for _, e := range list {
		if e.Details == nil {
			e.Details = map[string]string{}
		}
		o.Body.Activity = append(o.Body.Activity, act{e.ID, string(e.Kind), e.At, e.DeviceID, e.Details})
	}
	if len(list) == activityMost {
		o.Body.Next = strconv.FormatInt(list[len(list)-1].At.UnixMicro(), 10)
	}
	return o, nil
}
