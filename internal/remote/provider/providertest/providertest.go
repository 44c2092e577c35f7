// Package providertest holds the contract of provider.Provider: what every adapter
// must do, whatever its vendor speaks. An adapter's test gives it the vendor's
// simulator and the adapter, and Run sends people there and back. It must never be
// imported outside tests.
package providertest

import (
	"errors"
	"fmt"
	"maps"
	"net/http/httptest"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/remote/provider"
	"github.com/selfsame-id/selfsame/internal/remote/provider/idtoken/idtokentest"
	lab "github.com/selfsame-id/selfsame/lab/provider"
)

// Start is when the clock of adapter and simulator stands.
var Start = idtokentest.Start

// Callback is the redirect URI that people come back to; the simulator has to know it.
func Callback(name string) string { return "https://id.example.test/federation/" + name + "/callback" }

// How long the adapter under test waits for an answer: long, because other tests run
// beside it, but in the row of slow answers, which take lab.SlowFor.
const (
	Patience = 4 * time.Second
	forSlow  = time.Second
)

// Case is an adapter against its simulator.
type Case struct {
	Vendor func(t *testing.T, c *clock.Clock) lab.Vendor
	// New makes the adapter; base is where the whole vendor is served, for every
	// address in the adapter's Config. It has to use wire, and c for the time.
	New func(t *testing.T, base string, wire provider.Wire, c *clock.Clock) (provider.Provider, error)

	Surface provider.Surface // Page if empty
	Agent   string           // User-Agent of the browser
	// Calls and NativeCalls are how many requests a sign-in may send to the vendor,
	// fetched keys included; 1 if 0.
	Calls, NativeCalls int
	Silent             bool // who says no stays at the vendor: nothing comes back
	Nameless           bool // the vendor tells no name here
	NativeNameless     bool // or only to the app itself
	// Wants are the reasons that are not Default's, by row. A row is named like
	// "slow", for both ways, or "page/slow", "native/slow".
	Wants map[string]provider.Reason
	// Skips are the rows that the vendor has not, with the reason.
	Skips map[string]string
	// Secrets are what no error and no log may show, beside codes and tokens.
	Secrets []string
}

// Rows of the contract that are no lab.Failure.
const (
	UnknownCode = "unknown_code" // made up by who calls back
	NoCode      = "no_code"      // neither code nor error came back
	BothCame    = "code_twice"   // the callback's code is exchanged a second time
	CutOff      = "cut_off"      // the connection breaks
	Elsewhere   = "elsewhere"    // a redirect instead of an answer
	Empty       = "empty"        // 200 and nothing in it
)

// Default is what each row comes to, unless a Case wants otherwise.
var Default = map[string]provider.Reason{
	string(lab.Denied):        provider.Denied,
	string(lab.CodeReused):    provider.Replayed,
	string(lab.CodeExpired):   provider.Expired,
	string(lab.WrongSecret):   provider.Config,
	string(lab.WrongAudience): provider.Untrusted,
	string(lab.WrongNonce):    provider.Untrusted,
	string(lab.BadSignature):  provider.Untrusted,
	string(lab.UnknownKey):    provider.Untrusted,
	string(lab.Stale):         provider.Expired,
	string(lab.Slow):          provider.Temporary,
	string(lab.ServerErr):     provider.Temporary,
	string(lab.Malformed):     provider.Malformed,
	string(lab.Oversized):     provider.Malformed,
	string(lab.HTML):          provider.Malformed,
	string(lab.Busy):          provider.Temporary,
	string(lab.Limited):       provider.RateLimited,
	UnknownCode:               provider.InvalidCode,
	NoCode:                    provider.Malformed,
	BothCame:                  provider.Replayed,
	CutOff:                    provider.Temporary,
	Elsewhere:                 provider.Malformed,
	Empty:                     provider.Malformed,
}

// Run runs the whole contract.
func Run(t *testing.T, c Case) {
	c.checkRows(t)
	t.Run("page/success", c.pageSuccess)
	for _, row := range slices.Sorted(maps.Keys(Default)) {
		c.row(t, "page", row, c.page)
	}
	w := c.world(t, Patience)
	if w.native == nil {
		return
	}
	t.Run("native/success", c.nativeSuccess)
	for _, row := range slices.Sorted(maps.Keys(Default)) {
		switch row {
		case string(lab.Denied), NoCode: // an SDK tells its app, and nothing is handed over
			continue
		}
		c.row(t, "native", row, c.handOver)
	}
}

// checkRows finds rows that Wants and Skips name and the contract has not.
func (c Case) checkRows(t *testing.T) {
	t.Helper()
	known := func(name string) bool {
		for row := range Default {
			if name == row || name == "page/"+row || name == "native/"+row {
				return true
			}
		}
		return false
	}
	for name := range c.Wants {
		if !known(name) {
			t.Errorf("Wants[%q]: the contract has no such row", name)
		}
	}
	for name, why := range c.Skips {
		if !known(name) || why == "" {
			t.Errorf("Skips[%q]: the contract has no such row, or the reason is missing", name)
		}
	}
}

// row runs one row one way, and then a sign-in that works.
func (c Case) row(t *testing.T, way, row string, try func(w *world, row string) error) {
	t.Run(way+"/"+row, func(t *testing.T) {
		for _, name := range []string{row, way + "/" + row} {
			if why, skip := c.Skips[name]; skip {
				t.Skip(why)
			}
		}
		want := Default[row]
		for _, name := range []string{row, way + "/" + row} {
			if reason, ok := c.Wants[name]; ok {
				want = reason
			}
		}
		patience := Patience
		if row == string(lab.Slow) {
			patience = forSlow
		}
		w := c.world(t, patience)
		took := clock.Stopwatch()
		err := try(w, row)
		f, ok := errors.AsType[*provider.Failure](err)
		switch {
		case err == nil:
			t.Fatalf("it went well, want %s", want)
		case !ok:
			t.Fatalf("%T %v is no *provider.Failure, want %s", err, err, want)
		case f.Reason != want:
			t.Errorf("%v, want %s", err, want)
		}
		if d := took(); d > lab.SlowFor/4 {
			t.Errorf("S-54: it took %v", d)
		}
		w.wire.fault("")
		w.vendor.Desk().Fail(lab.None)
		if err := try(w, ""); err != nil {
			t.Errorf("S-54: afterwards: %v", err)
		}
		w.checkSecrets(c.Secrets, err.Error())
	})
}

// page signs a person in by way of a page, spoiled by a row; an empty row spoils
// nothing.
func (c Case) page(w *world, row string) error {
	w.t.Helper()
	failure := lab.None
	if row != "" && slices.Contains(lab.Failures(), lab.Failure(row)) {
		failure = lab.Failure(row)
	}
	w.vendor.Desk().Fail(failure)
	a := w.attempt(c)
	back := w.visit(c, a, "lilei", "allow")
	switch {
	case row == string(lab.Denied) && c.Silent:
		if back != nil {
			w.t.Errorf("a person who said no came back with %v", slices.Collect(maps.Keys(back)))
		}
		return provider.Fail(provider.Denied, "") // as a visit that never ends: nothing to ask the adapter
	case back == nil:
		w.t.Fatalf("the person did not come back")
	case row == NoCode:
		back = url.Values{"state": {a.State}}
	case row == UnknownCode:
		for _, name := range codeNames {
			if back.Has(name) {
				back.Set(name, "0123456789abcdef0123456789abcdef")
			}
		}
	}
	w.wire.fault(row)
	before := w.wire.sent()
	_, err := w.made.Exchange(w.t.Context(), a, back)
	w.checkSent(row, before, c.Calls)
	if row == BothCame && err == nil {
		_, err = w.made.Exchange(w.t.Context(), a, back)
	}
	return err
}

// handOver signs a person in by what an SDK gives, spoiled by a row.
func (c Case) handOver(w *world, row string) error {
	w.t.Helper()
	failure := lab.None
	if row != "" && slices.Contains(lab.Failures(), lab.Failure(row)) {
		failure = lab.Failure(row)
	}
	w.vendor.Desk().Fail(failure)
	h := w.hand("lilei")
	if row == UnknownCode {
		if h.Code == "" {
			h.Token = "0123456789abcdef0123456789abcdef"
		} else {
			h.Code = "0123456789abcdef0123456789abcdef"
		}
	}
	w.wire.fault(row)
	before := w.wire.sent()
	_, err := w.native.Redeem(w.t.Context(), h)
	w.checkSent(row, before, c.NativeCalls)
	if row == BothCame && err == nil {
		_, err = w.native.Redeem(w.t.Context(), h)
	}
	return err
}

// world is one adapter at one simulator.
type world struct {
	t      *testing.T
	clock  *clock.Clock
	vendor lab.Vendor
	wire   *wiretap
	made   provider.Provider
	native provider.Native // nil: apps hand nothing over
	log    *logbook
	hidden []string // beside Case.Secrets
	visits int
}

func (c Case) world(t *testing.T, patience time.Duration) *world {
	t.Helper()
	w := &world{t: t, clock: clock.At(Start), log: capture(t)}
	w.vendor = c.Vendor(t, w.clock)
	server := httptest.NewServer(w.vendor)
	t.Cleanup(server.Close)
	w.wire = newWiretap(t)
	var err error
	if w.made, err = c.New(t, server.URL, provider.Wire{Transport: w.wire, For: patience}, w.clock); err != nil {
		t.Fatal(err)
	}
	if n, ok := w.made.(provider.Native); ok && w.made.Takes() != (provider.Takes{}) {
		w.native = n
	}
	return w
}

// attempt is one visit, with values of its own.
func (w *world) attempt(c Case) provider.Attempt {
	w.visits++
	surface := c.Surface
	if surface == "" {
		surface = provider.Page
	}
	a := provider.Attempt{
		State: fmt.Sprintf("%064d", w.visits), Nonce: fmt.Sprintf("nonce-%037d", w.visits), Verifier: fmt.Sprintf("verifier-%034d", w.visits),
		Callback: Callback(w.made.Name()), Surface: surface, Language: "en",
	}
	w.hidden = append(w.hidden, a.State, a.Verifier, a.Nonce)
	return a
}

// hand is what the vendor's SDK gives to an app.
func (w *world) hand(person string) provider.Handed {
	w.t.Helper()
	w.visits++
	nonce := fmt.Sprintf("native-%025d", w.visits) // 32 letters: Alipay takes no more
	given, err := w.sdk(person, nonce)
	if err != nil {
		w.t.Fatalf("the SDK: %v", err)
	}
	h := provider.Handed{Token: given["token"], Code: given["code"], Nonce: nonce}
	takes := w.made.Takes()
	switch {
	case h.Token == "" && h.Code == "":
		w.t.Fatalf("the SDK gave neither token nor code: %v", slices.Sorted(maps.Keys(given)))
	case takes.Token && h.Token != "":
		h.Code = ""
	case takes.Code && h.Code != "":
		h.Token = ""
	default:
		w.t.Fatalf("the adapter takes %+v, the SDK gives %v", takes, slices.Sorted(maps.Keys(given)))
	}
	w.hidden = append(w.hidden, h.Token, h.Code, nonce)
	return h
}

// sdk runs the vendor's SDK with our nonce, or with what has to be signed first.
func (w *world) sdk(person, nonce string) (map[string]string, error) {
	p, ok := w.made.(provider.Preparer)
	if !ok {
		return w.vendor.Native(person, nonce)
	}
	prepared, err := p.Prepare(nonce, w.clock.Now())
	if err != nil {
		return nil, err
	}
	return w.vendor.Native(person, prepared)
}

// checkSent: S-54, a sign-in costs few requests, and none is sent again.
func (w *world) checkSent(row string, before, most int) {
	w.t.Helper()
	if sent := w.wire.sent() - before; sent > max(most, 1) {
		w.t.Errorf("%s: %d requests were sent, more than %d", cmpRow(row), sent, max(most, 1))
	} else if stop := row == string(lab.Slow) || row == CutOff || row == Elsewhere || row == Empty; stop && sent != 1 {
		w.t.Errorf("%s: %d requests were sent after an answer that did not come", row, sent)
	}
}

func cmpRow(row string) string {
	if row == "" {
		return "success"
	}
	return row
}

// codeNames are the names of codes at callbacks.
var codeNames = []string{"code", "auth_code"}
