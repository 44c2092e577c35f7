package lab

import (
	"errors"
	"net/http"
	"slices"

	"github.com/selfsame-id/selfsame/lab/provider"
)

// vendorCalls are the JSON calls that steer the vendors.
func (l *Lab) vendorCalls(mux *http.ServeMux) {
	handle(mux, map[string]call{
		"GET /lab/api/providers":                     l.getVendors,
		"GET /lab/api/providers/{provider}":          l.of(getVendor),
		"PUT /lab/api/providers/{provider}":          l.of(putVendor),
		"DELETE /lab/api/providers/{provider}":       l.of(resetVendor),
		"POST /lab/api/providers/{provider}/people":  l.of(postPerson),
		"POST /lab/api/providers/{provider}/native":  l.of(postNative),
		"POST /lab/api/providers/{provider}/events":  l.of(postEvent),
		"GET /lab/api/providers/{provider}/requests": l.of(getRequests),
	})
}

var (
	errNoVendor  = problem{Status: http.StatusNotFound, Code: "not_found", Title: "No such provider"}
	errNotTold   = problem{Status: http.StatusBadGateway, Code: "not_taken", Title: "The product did not take the message"}
	errNoMessage = problem{Status: http.StatusUnprocessableEntity, Code: "invalid_input", Title: "This provider sends no such message"}
	errNoPerson  = problem{Status: http.StatusUnprocessableEntity, Code: "invalid_input", Title: "Nobody has this id there"}
)

// of finds the vendor in the path.
func (l *Lab) of(serve func(provider.Vendor, http.ResponseWriter, *http.Request) error) call {
	return func(w http.ResponseWriter, r *http.Request) error {
		for _, v := range l.vendors {
			if v.Name() == r.PathValue("provider") {
				return serve(v, w, r)
			}
		}
		return errNoVendor
	}
}

type vendorJSON struct {
	Name     string             `json:"name"`
	Title    string             `json:"title"`
	Failure  provider.Failure   `json:"failure"`
	Failures []provider.Failure `json:"failures"`
	Quirks   []string           `json:"quirks,omitempty"`
	Events   []string           `json:"events,omitempty"`
	People   []provider.Person  `json:"people"`
}

func showVendor(v provider.Vendor) vendorJSON {
	d := v.Desk()
	out := vendorJSON{Name: v.Name(), Title: d.Title, Failure: d.Failure(), Failures: provider.Failures(), People: d.People()}
	if knows, ok := v.(provider.Describer); ok {
		out.Quirks, out.Events = knows.Quirks(), knows.Events()
	}
	return out
}

func (l *Lab) getVendors(w http.ResponseWriter, _ *http.Request) error {
	out := make([]vendorJSON, len(l.vendors))
	for i, v := range l.vendors {
		out[i] = showVendor(v)
	}
	return answer(w, http.StatusOK, map[string]any{"providers": out})
}

func getVendor(v provider.Vendor, w http.ResponseWriter, _ *http.Request) error {
	return answer(w, http.StatusOK, showVendor(v))
}

func putVendor(v provider.Vendor, w http.ResponseWriter, r *http.Request) error {
	var in struct{ Failure provider.Failure }
	if err := input(w, r, &in); err != nil {
		return err
	}
	if !slices.Contains(provider.Failures(), in.Failure) {
		return invalid(errors.New("no such failure; GET says which there are"))
	}
	v.Desk().Fail(in.Failure)
	return answer(w, http.StatusOK, showVendor(v))
}

func resetVendor(v provider.Vendor, w http.ResponseWriter, _ *http.Request) error {
	v.Desk().Reset()
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// postPerson makes a person; one with the id of somebody replaces them, which is how
// an address or a name changes.
func postPerson(v provider.Vendor, w http.ResponseWriter, r *http.Request) error {
	var in provider.Person
	if err := input(w, r, &in); err != nil {
		return err
	}
	if in.Name == "" || len(in.Name) > 200 || len(in.Email) > 254 || len(in.ID) > 64 {
		return invalid(errors.New("want a name of at most 200 bytes, an address of at most 254 and an id of at most 64"))
	}
	return answer(w, http.StatusCreated, v.Desk().Add(in))
}

func postNative(v provider.Vendor, w http.ResponseWriter, r *http.Request) error {
	var in struct{ Person, Nonce string }
	if err := input(w, r, &in); err != nil {
		return err
	}
	got, err := v.Native(in.Person, in.Nonce)
	switch {
	case errors.Is(err, provider.ErrNobody):
		return errNoPerson
	case err != nil:
		return invalid(err)
	}
	return answer(w, http.StatusOK, got)
}

func postEvent(v provider.Vendor, w http.ResponseWriter, r *http.Request) error {
	var in struct{ Type, Person, Variant string }
	if err := input(w, r, &in); err != nil {
		return err
	}
	if in.Variant == "" {
		in.Variant = "valid"
	}
	status, err := v.Event(in.Type, in.Person, in.Variant)
	switch {
	case errors.Is(err, provider.ErrNobody):
		return errNoPerson
	case errors.Is(err, provider.ErrNoEvent):
		return errNoMessage
	case errors.Is(err, provider.ErrNoPlace):
		return errNobody
	case err != nil:
		return errNotTold
	}
	return answer(w, http.StatusOK, map[string]int{"status": status})
}

func getRequests(v provider.Vendor, w http.ResponseWriter, _ *http.Request) error {
	out := v.Desk().Requests()
	if out == nil {
		out = []provider.Request{}
	}
	return answer(w, http.StatusOK, map[string]any{"requests": out})
}
