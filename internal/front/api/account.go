package api

import (
	"bytes"
	"context"
	"encoding/base64"
	"mime"
	"net/http"
	"time"

	"github.com/selfsame-id/selfsame/internal/front/httpd"
	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/identity/credential"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/settings"
	"github.com/selfsame-id/selfsame/internal/kit/email"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/picture"
	"github.com/selfsame-id/selfsame/internal/remote/numbers"
)

type contactView struct {
	Address    string    `json:"address" doc:"Masked, but in the answer of get-contacts."`
	VerifiedAt time.Time `json:"verified_at"`
}

type ownMethod struct {
	Method string `json:"method" enum:"sms_code,email_code,password,passkey,totp,recovery_code,questions,device_prompt,linked"`
	On     bool   `json:"on"`
}

type accountView struct {
	ID        string        `json:"id" doc:"12 digits; it can be typed as a username."`
	State     string        `json:"state" enum:"active"`
	Region    string        `json:"region" doc:"Policy set, fixed when the account was made."`
	Locale    string        `json:"locale" doc:"Language of messages to the owner."`
	Nickname  string        `json:"nickname" doc:"Empty if none was chosen."`
	Avatar    string        `json:"avatar,omitempty" doc:"Address of the picture."`
	CreatedAt time.Time     `json:"created_at"`
	Phone     *contactView  `json:"phone,omitempty"`
	Email     *contactView  `json:"email,omitempty"`
	Linked    []linkedBrief `json:"linked" doc:"Accounts at third-party providers that open this one, the oldest first; list-linked says more of each."`
	Methods   []ownMethod   `json:"methods" doc:"Ways to prove that the account is yours; get-methods says more of each."`
}

type contactsView struct {
	Phone *contactView `json:"phone,omitempty"`
	Email *contactView `json:"email,omitempty"`
}

type changeAccount struct {
	Nickname *string `json:"nickname,omitempty" maxLength:"40" doc:"Empty removes it."`
	Locale   *string `json:"locale,omitempty" doc:"Language of messages to the owner, one that the server speaks."`
	Avatar   *string `json:"avatar,omitempty" contentEncoding:"base64" doc:"A JPEG or PNG in base64 (RFC 4648 section 4), at most 5 MiB before encoding; empty removes it."`
}

type setPassword struct {
	NewPassword string `json:"new_password" maxLength:"256" format:"password"`
	KeepOthers  bool   `json:"keep_others,omitempty" doc:"Leave other devices signed in; they are signed out if left out."`
}

// changeCap fits a picture in base64 with room for the rest.
const changeCap = picture.BytesMost/3*4 + 64<<10

func (a *api) account() {
	const tag = "Account"
	ask(a, call{id: "get-account", method: http.MethodGet, path: "/api/v1/account", tag: tag, session: true,
		summary: "The account", about: "Contacts are masked.", examples: accountExamples},
		func(ctx context.Context, l *session.Live, _ *none) (*accountView, error) { return a.overview(ctx, l) })
	ask(a, call{id: "change-account", method: http.MethodPatch, path: "/api/v1/account", tag: tag, session: true, cap: changeCap,
		summary: "Change nickname, picture or language",
		about:   "What is left out stays as it is; all of it changes or nothing. Answers the account as it then is.",
		repeat:  "Leaves the account the same.",
		refuses: []*fault.Fault{fault.InvalidInput, account.NicknameInvalid, settings.AvatarInvalid, fault.RateLimited}, examples: changeExamples}, a.changeProfile)
	ask(a, call{id: "get-contacts", method: http.MethodGet, path: "/api/v1/account/contacts", tag: tag, session: true,
		summary: "The contacts in full",
		about:   "Needs a proof that is at most ten minutes old. The owner sees in the recent activity that somebody looked.",
		refuses: []*fault.Fault{session.ProofRequired}, examples: contactsExamples}, a.fullContacts)
	do(a, call{id: "set-password", method: http.MethodPut, path: "/api/v1/password", tag: tag, session: true,
		summary: "Set or change the password",
		about:   "Needs a proof that is at most ten minutes old. Every contact of the account is told.",
		repeat:  "Within ten minutes it changes nothing and answers the same; later password_reused.",
		refuses: []*fault.Fault{session.ProofRequired, fault.InvalidInput, credential.PasswordShort, credential.PasswordLong,
			credential.PasswordCommon, credential.PasswordPersonal, credential.PasswordBreached, credential.PasswordReused}, examples: passwordExamples}, a.setPassword)
	a.avatar()
}

func (a *api) overview(ctx context.Context, l *session.Live) (*accountView, error) {
	o, err := a.Settings.Overview(ctx, l)
	if err != nil {
		return nil, err
	}
	v := &accountView{
		ID: l.AccountID.String(), State: string(l.Account.State), Region: l.Account.Region, Locale: l.Account.Locale,
		Nickname: l.Account.Nickname, CreatedAt: l.Account.CreatedAt,
	}
	if l.Account.Avatar != "" {
		v.Avatar = avatarPath
	}
	if c, ok := contact.Of(o.Contacts, contact.Phone); ok {
		v.Phone = &contactView{numbers.Mask(c.Address), c.VerifiedAt}
	}
	if c, ok := contact.Of(o.Contacts, contact.Email); ok {
		v.Email = &contactView{email.Mask(c.Address), c.VerifiedAt}
	}
	if v.Linked, err = a.ownLinked(ctx, l); err != nil {
		return nil, err
	}
	v.Methods, err = a.ownMethods(ctx, l)
	return v, err
}

func (a *api) changeProfile(ctx context.Context, l *session.Live, in *struct{ body[changeAccount] }) (*accountView, error) {
	p := settings.Profile{Nickname: in.Sent.Nickname, Locale: in.Sent.Locale}
	if text := in.Sent.Avatar; text != nil {
		data, err := base64.StdEncoding.Strict().DecodeString(*text)
		if err != nil {
			return nil, fault.InvalidInput.On("avatar")
		}
		p.Avatar = &data
	}
	if err := a.Settings.Change(ctx, l, p); err != nil {
		return nil, err
	}
	l, err := a.live(ctx) // as it is now
	if err != nil {
		return nil, err
	}
	return a.overview(ctx, l)
}

func (a *api) fullContacts(ctx context.Context, l *session.Live, _ *none) (*contactsView, error) {
	list, err := a.Settings.FullContacts(ctx, l)
	if err != nil {
		return nil, err
	}
	v := &contactsView{}
	if c, ok := contact.Of(list, contact.Phone); ok {
		v.Phone = &contactView{c.Address, c.VerifiedAt}
	}
	if c, ok := contact.Of(list, contact.Email); ok {
		v.Email = &contactView{c.Address, c.VerifiedAt}
	}
	return v, nil
}

func (a *api) setPassword(ctx context.Context, l *session.Live, in *struct{ body[setPassword] }) error {
	err := a.Settings.SetPassword(ctx, l, in.Sent.NewPassword, in.Sent.KeepOthers)
	if f := fault.From(err); f != nil && f.Field == "password" {
		return f.On("new_password") // as it is called here
	}
	return err
}

const avatarPath = "/api/v1/account/avatar"

func (a *api) avatar() {
	const tag = "Account"
	do(a, call{id: "set-avatar", method: http.MethodPut, path: avatarPath, tag: tag, session: true, cap: picture.BytesMost, media: []string{"image/jpeg", "image/png"},
		summary: "Set the picture",
		about:   "The body is the picture itself: JPEG or PNG, at most 5 MiB and 24 megapixels. It is cut to a square and encoded anew; what a camera wrote into it is gone.",
		repeat:  "Sets the same picture again.",
		refuses: []*fault.Fault{fault.InvalidInput, settings.AvatarInvalid, fault.RateLimited}}, a.putAvatar)
	register(a, call{id: "get-avatar", method: http.MethodGet, path: avatarPath, tag: tag, session: true, sends: "image/png",
		summary: "The picture", about: "A square PNG.", refuses: []*fault.Fault{fault.NotFound}},
		func(ctx context.Context, l *session.Live, _ *none) (*file, error) {
			png, err := a.Settings.Avatar(ctx, l)
			return &file{"image/png", png}, err
		})
	do(a, call{id: "delete-avatar", method: http.MethodDelete, path: avatarPath, tag: tag, session: true,
		summary: "Remove the picture", repeat: "Answers the same.", refuses: []*fault.Fault{fault.RateLimited}},
		func(ctx context.Context, l *session.Live, _ *none) error {
			if l.Account.Avatar == "" {
				return nil
			}
			return a.Settings.SetAvatar(ctx, l, nil)
		})
}

func (a *api) putAvatar(ctx context.Context, l *session.Live, _ *none) error {
	r := requestOf(ctx).Request
	kinds := r.Header["Content-Type"]
	if len(kinds) != 1 {
		return httpd.UnsupportedMedia
	}
	if kind, _, err := mime.ParseMediaType(kinds[0]); err != nil || kind != "image/jpeg" && kind != "image/png" {
		return httpd.UnsupportedMedia
	}
	data, err := readAll(r)
	if httpd.InvalidJSON.Is(err) {
		return fault.InvalidInput.On("avatar").Because(err) // cut off on the way
	}
	if err != nil {
		return err
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return fault.InvalidInput.On("avatar")
	}
	return a.Settings.SetAvatar(ctx, l, data)
}
