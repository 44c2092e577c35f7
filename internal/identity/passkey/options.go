package passkey

import (
	"encoding/base64"
	"time"
)

// The JSON forms of options that browsers read with parseCreationOptionsFromJSON
// and parseRequestOptionsFromJSON (WebAuthn Level 3 sections 5.1.8 and 5.1.9).

// Descriptor names a passkey to an authenticator.
type Descriptor struct {
	Type       string   `json:"type"`
	ID         string   `json:"id" doc:"base64url."`
	Transports []string `json:"transports,omitempty"`
}

// RequestOptions is PublicKeyCredentialRequestOptionsJSON.
type RequestOptions struct {
	Challenge        string       `json:"challenge" doc:"base64url."`
	Timeout          int64        `json:"timeout" doc:"Milliseconds."`
	RPID             string       `json:"rpId"`
	AllowCredentials []Descriptor `json:"allowCredentials" doc:"Empty: any passkey of this site."`
	UserVerification string       `json:"userVerification"`
}

// CreationOptions is PublicKeyCredentialCreationOptionsJSON.
type CreationOptions struct {
	RP                     Entity       `json:"rp"`
	User                   UserEntity   `json:"user"`
	Challenge              string       `json:"challenge" doc:"base64url."`
	PubKeyCredParams       []Parameter  `json:"pubKeyCredParams"`
	Timeout                int64        `json:"timeout" doc:"Milliseconds."`
	ExcludeCredentials     []Descriptor `json:"excludeCredentials"`
	AuthenticatorSelection Selection    `json:"authenticatorSelection"`
	Attestation            string       `json:"attestation"`
}

// Entity is a relying party.
type Entity struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// UserEntity is an account as an authenticator stores and shows it.
type UserEntity struct {
	ID          string `json:"id" doc:"The user handle, base64url: random, never an account number."`
	Name        string `json:"name"`
	DisplayName string `json:"displayName"`
}

// Parameter is an algorithm that is taken.
type Parameter struct {
	Type string `json:"type"`
	Alg  int64  `json:"alg"`
}

// Selection is what is asked of the authenticator.
type Selection struct {
	ResidentKey        string `json:"residentKey"`
	RequireResidentKey bool   `json:"requireResidentKey"`
	UserVerification   string `json:"userVerification"`
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func (p *Party) verification() string {
	if p.MustVerify {
		return "required"
	}
	return "preferred"
}

func descriptors(keys []Key) []Descriptor {
	out := make([]Descriptor, 0, len(keys))
	for _, k := range keys {
		out = append(out, Descriptor{"public-key", encode(k.CredentialID), k.Transports})
	}
	return out
}

// Request makes the options for proving. Without keys any passkey of this site may
// answer, and the options tell nothing (S-34).
func (p *Party) Request(challenge []byte, keys []Key) RequestOptions {
	return RequestOptions{encode(challenge), int64(Life / time.Millisecond), p.ID, descriptors(keys), p.verification()}
}

// Creation makes the options for registering one more passkey beside keys.
// name is what the authenticator shows.
func (p *Party) Creation(challenge, handle []byte, name string, keys []Key) CreationOptions {
	o := CreationOptions{
		RP: Entity{p.ID, p.Name}, User: UserEntity{encode(handle), name, name}, Challenge: encode(challenge),
		Timeout: int64(Life / time.Millisecond), ExcludeCredentials: descriptors(keys),
		AuthenticatorSelection: Selection{"required", true, p.verification()}, Attestation: "none",
	}
	for _, alg := range algorithms {
		o.PubKeyCredParams = append(o.PubKeyCredParams, Parameter{"public-key", alg})
	}
	return o
}
