package page

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/selfsame-id/selfsame/lab/agenda"
	"github.com/selfsame-id/selfsame/lab/provider"
)

// vendor is one that notes what it is told.
type vendor struct {
	desk *provider.Desk
	told []string
}

func newVendor(c agenda.Clock) *vendor {
	v := &vendor{desk: provider.NewDesk(provider.Options{Clock: c, Title: "Example 例子"})}
	v.desk.Add(provider.Person{Name: "<i>New", Quirks: []string{"no_email"}})
	v.desk.Note(httptest.NewRequest("GET", "/authorize?state=x", nil))
	return v
}

func (v *vendor) Name() string                                     { return "example" }
func (v *vendor) Desk() *provider.Desk                             { return v.desk }
func (v *vendor) Quirks() []string                                 { return []string{"no_email"} }
func (v *vendor) Events() []string                                 { return []string{"revoked"} }
func (v *vendor) ServeHTTP(http.ResponseWriter, *http.Request)     {}
func (v *vendor) Native(string, string) (map[string]string, error) { return nil, nil }
func (v *vendor) Event(kind, person, variant string) (int, error) {
	v.told = append(v.told, kind+" "+person+" "+variant)
	switch kind {
	case "revoked":
		return http.StatusOK, nil
	case "refused":
		return http.StatusForbidden, nil
	case "lost":
		return 0, errors.New("lost")
	}
	return 0, provider.ErrNoEvent
}

func TestVendorForms(t *testing.T) {
	p := newPages(t, 204)
	v, d := p.Vendors[0].(*vendor), p.Vendors[0].Desk()
	at := "/lab/elsewhere/example"
	before := len(d.People())
	for _, tc := range []struct{ path, form, want string }{
		{at + "/failure", "failure=slow", at + "?note=saved"},
		{at + "/failure", "failure=5xx&back=/lab", "/lab?note=saved"},
		{at + "/failure", "failure=5xx&back=https://elsewhere.test/", at + "?note=saved"},
		{at + "/failure", "failure=nothing", at + "?note=bad_input"},
		{at + "/people", "name=New&email=new@example.com&quirk=no_email", at + "?note=added"},
		{at + "/people", "name=&email=new@example.com", at + "?note=bad_input"},
		{at + "/people", "name=" + strings.Repeat("x", 61), at + "?note=bad_input"},
		{at + "/events", "type=revoked&person=ana&variant=replay", at + "?note=told"},
		{at + "/events", "type=refused&person=ana&variant=valid", at + "?note=not_told"},
		{at + "/events", "type=lost&person=ana&variant=valid", at + "?note=not_told"},
		{at + "/events", "type=other&person=ana&variant=valid", at + "?note=bad_input"},
	} {
		form, err := url.ParseQuery(tc.form)
		if err != nil {
			t.Fatal(err)
		}
		out := p.submit(tc.path, form)
		if got := out.Header().Get("Location"); out.Code != http.StatusSeeOther || got != tc.want {
			t.Errorf("%s %s: %d to %s, want %s", tc.path, tc.form, out.Code, got, tc.want)
		}
	}
	if out := p.submit("/lab/elsewhere/x/failure", url.Values{"failure": {"slow"}}); out.Code != http.StatusNotFound {
		t.Errorf("a vendor that is not there: %d", out.Code)
	}
	if d.Failure() != provider.ServerErr {
		t.Errorf("failure %s", d.Failure())
	}
	if people := d.People(); len(people) != before+1 || !people[before].Has("no_email") || people[before].Email != "new@example.com" {
		t.Errorf("people %+v", people)
	}
	if len(v.told) == 0 || v.told[0] != "revoked ana replay" {
		t.Errorf("told %q", v.told)
	}
}
