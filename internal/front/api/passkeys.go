package api

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/selfsame-id/selfsame/internal/identity/passkey"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
)

type passkeyView struct {
	ID           string     `json:"id"`
	Name         string     `json:"name" doc:"The owner's; empty if there is none."`
	Kind         string     `json:"kind" enum:"synced,device" doc:"synced: it may be on other devices of its owner too."`
	BackedUp     bool       `json:"backed_up" doc:"A copy is kept, as the authenticator last said."`
	Transports   []string   `json:"transports,omitempty" doc:"How it can be reached (WebAuthn Level 3 section 5.8.4)."`
	State        string     `json:"state" enum:"on,suspect" doc:"suspect: its counter fell, as a copy's would; it proves nothing any more."`
	CredentialID string     `json:"credential_id" doc:"base64url, for the signal methods of WebAuthn Level 3 section 5.1.10."`
	CreatedAt    time.Time  `json:"created_at"`
	UsedAt       *time.Time `json:"used_at,omitempty" doc:"Missing if it was never used."`
}

type passkeysView struct {
	Passkeys []passkeyView `json:"passkeys" doc:"The oldest first."`
}

type passkeyOptionsView struct {
	Options passkey.CreationOptions `json:"options" doc:"PublicKeyCredentialCreationOptionsJSON (WebAuthn Level 3 section 5.1.8), for navigator.credentials.create."`
}

type addPasskey struct {
	Credential credentialJSON `json:"credential" doc:"What navigator.credentials.create answered: the credential's toJSON()."`
	Name       string         `json:"name,omitempty" maxLength:"40" doc:"The device's name if left out."`
}

// credentialJSON is JSON of the browser's own making, which is read where it is checked.
type credentialJSON struct{ json.RawMessage }

// Schema tells the document that it is an object.
func (credentialJSON) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}
}

type renamePasskey struct {
	Name string `json:"name" maxLength:"40" doc:"Empty removes it."`
}

type passkeyHandle struct {
	ID string `path:"id" doc:"The passkey's id."`
}

// passkeyCap fits the largest credential and what is around it.
const passkeyCap = 32 << 10

func (a *api) passkeys() {
	const tag, path = "Passkeys", "/api/v1/methods/passkeys"
	ask(a, call{id: "passkey-options", method: http.MethodPost, path: path + "/options", tag: tag, session: true,
		summary: "Begin to register a passkey",
		about:   "Needs a proof for add_method. The challenge lives five minutes and belongs to this session; add-passkey uses it up, right or wrong.",
		repeat:  "Answers a new challenge; the one before is dead.",
		refuses: []*fault.Fault{session.ProofRequired, passkey.TooMany, fault.RateLimited}, examples: passkeyOptionsExamples},
		func(ctx context.Context, l *session.Live, _ *none) (*passkeyOptionsView, error) {
			o, err := a.Settings.BeginPasskey(ctx, l)
			return &passkeyOptionsView{o}, err
		})
	ask(a, call{id: "add-passkey", method: http.MethodPost, path: path, tag: tag, session: true, cap: passkeyCap, status: http.StatusCreated,
		summary: "Register the passkey that was made",
		about:   "Needs a proof for add_method. Every contact of the account is told.",
		repeat:  "Answers passkey_invalid: the challenge is used up. list-passkeys tells whether it was registered.",
		refuses: []*fault.Fault{session.ProofRequired, fault.InvalidInput, passkey.Invalid, passkey.Known, passkey.TooMany, fault.RateLimited}, examples: addPasskeyExamples},
		func(ctx context.Context, l *session.Live, in *struct{ body[addPasskey] }) (*passkeyView, error) {
			k, err := a.Settings.AddPasskey(ctx, l, in.Sent.Credential.RawMessage, in.Sent.Name)
			if err != nil {
				return nil, err
			}
			v := viewPasskey(k)
			return &v, nil
		})
	ask(a, call{id: "list-passkeys", method: http.MethodGet, path: path, tag: tag, session: true,
		summary: "The passkeys of the account", examples: passkeysExamples}, a.listPasskeys)
	do(a, call{id: "rename-passkey", method: http.MethodPatch, path: path + "/{id}", tag: tag, session: true,
		summary: "Rename a passkey", about: "Needs a proof for add_method.", repeat: "Leaves the name the same.",
		refuses: []*fault.Fault{session.ProofRequired, fault.NotFound, fault.InvalidInput, fault.RateLimited}, examples: renamePasskeyExamples},
		func(ctx context.Context, l *session.Live, in *struct {
			ID string `path:"id" doc:"The passkey's id."`
			body[renamePasskey]
		}) error {
			return a.Settings.RenamePasskey(ctx, l, in.ID, in.Sent.Name)
		})
	do(a, call{id: "remove-passkey", method: http.MethodDelete, path: path + "/{id}", tag: tag, session: true,
		summary: "Remove a passkey",
		about:   "Needs a proof for remove_method. Sessions that it alone opened end at once on every node, and every contact of the account is told.",
		repeat:  "Answers not_found: it is gone.",
		refuses: []*fault.Fault{session.ProofRequired, fault.NotFound, proof.LastWayIn, fault.RateLimited}},
		func(ctx context.Context, l *session.Live, in *passkeyHandle) error {
			return a.Settings.RemovePasskey(ctx, l, in.ID)
		})
}

func (a *api) listPasskeys(ctx context.Context, l *session.Live, _ *none) (*passkeysView, error) {
	list, err := a.Settings.ListPasskeys(ctx, l)
	if err != nil {
		return nil, err
	}
	v := &passkeysView{make([]passkeyView, 0, len(list))}
	for _, k := range list {
		v.Passkeys = append(v.Passkeys, viewPasskey(k))
	}
	return v, nil
}

func viewPasskey(k passkey.Key) passkeyView {
	v := passkeyView{
		ID: k.ID, Name: k.Name, Kind: "device", BackedUp: k.BackedUp, Transports: k.Transports, State: "on",
		CredentialID: base64.RawURLEncoding.EncodeToString(k.CredentialID), CreatedAt: k.CreatedAt,
	}
	if k.Synced() {
		v.Kind = "synced"
	}
	if !k.Works() {
		v.State = "suspect"
	}
	if !k.UsedAt.IsZero() {
		v.UsedAt = &k.UsedAt
	}
	return v
}

var (
	passkeyOptionsExamples = []example{{name: "options", answer: `{"options":{"rp":{"id":"id.example.com","name":"Selfsame"},` +
		`"user":{"id":"w9Vb3Xz7Kq1Lm5Np8Rt2Yc4Uf6Hj0Gs9Da1Eo3Ik5Pw","name":"Lin","displayName":"Lin"},"challenge":"mC1pB0x3Yk4v7uH2sQ9tJ6nW8rE5aZ0fLdGiOoTyKxU",` +
		`"pubKeyCredParams":[{"type":"public-key","alg":-8},{"type":"public-key","alg":-7},{"type":"public-key","alg":-257}],"timeout":300000,"excludeCredentials":[],` +
		`"authenticatorSelection":{"residentKey":"required","requireResidentKey":true,"userVerification":"preferred"},"attestation":"none"}}`}}
	examplePasskey = `{"id":"AZqfK2x0b1y5c7d9e1f3gA","name":"Pixel 9","kind":"synced","backed_up":true,"transports":["hybrid","internal"],"state":"on",` +
		`"credential_id":"q2VwzX8nT0m4rJ6yB1sKdA","created_at":"2026-11-22T10:01:00Z"}`
	addPasskeyExamples = []example{{name: "passkey", body: `{"credential":{"id":"q2VwzX8nT0m4rJ6yB1sKdA","rawId":"q2VwzX8nT0m4rJ6yB1sKdA","type":"public-key",` +
		`"response":{"clientDataJSON":"e30","attestationObject":"oA","transports":["internal"]},"clientExtensionResults":{}},"name":"Pixel 9"}`, answer: examplePasskey}}
	passkeysExamples      = []example{{name: "passkeys", answer: `{"passkeys":[` + examplePasskey + `]}`}}
	renamePasskeyExamples = []example{{name: "name", body: `{"name":"Security key, drawer"}`}}
)
