package main

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"sync"
	"time"
)

// boxes are the phones that wait for a code.
type boxes struct {
	mu   sync.Mutex
	open map[string]chan string
}

func (b *boxes) wait(phone string, box chan string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open == nil {
		b.open = map[string]chan string{}
	}
	b.open[phone] = box
}

func (b *boxes) forget(phone string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.open, phone)
}

func (b *boxes) put(phone, code string) {
	b.mu.Lock()
	box := b.open[phone]
	b.mu.Unlock()
	if box != nil {
		select {
		case box <- code:
		default: // nobody waits for a second one
		}
	}
}

// person is somebody with an account.
type person struct {
	phone   string
	device  string // the secret that makes the device known
	session string
}

// seeded is the phone of the n-th account that selfsame seed makes.
func seeded(n int64) string { return "+86" + strconv.FormatInt(19000000000+n, 10) }

// stranger is a phone that no account has yet.
func stranger(n int64) string { return "+86" + strconv.FormatInt(13900000000+n, 10) }

// visitor is one client: a connection and a box for codes.
type visitor struct {
	*conn
	carrier *carrier
	vendor  *vendor
	box     chan string
	timer   *time.Timer
}

// from is the header with the person's address, always the same: one of a million,
// thirty in a /24, as carriers put many customers behind one. Somebody who came from
// another network each time would be asked for more.
func (p *person) from() string {
	n, _ := strconv.ParseInt(p.phone[1:], 10, 64)
	n = n * 0x9E3779B1 >> 7 & (1<<20 - 1) // Fibonacci hashing: neighbors live apart
	return "X-Forwarded-For: 100." + strconv.FormatInt(64+n>>14, 10) + "." + strconv.FormatInt(n>>6&255, 10) + "." + strconv.FormatInt(1+n&63, 10) + "\r\n"
}

// call makes one call of a journey and checks its status.
func (v *visitor) call(want int, method, path, header, body string) ([]byte, error) {
	status, answer, err := v.do(method, path, header, body)
	if err != nil {
		return nil, err
	}
	if status != want {
		return nil, fmt.Errorf("%s %.16s: status %d, code %q", method, path, status, pick(answer, "code"))
	}
	return answer, nil
}

// begin starts a sign-in and answers the path and the headers of what follows.
func (v *visitor) begin(p *person) (path, header string, err error) {
	body := `{"kind":"signin","locale":"en","device":{"name":"Pixel 9","kind":"phone"}}`
	if device := p.device; device != "" {
		body = `{"kind":"signin","locale":"en","device":{"name":"Pixel 9","kind":"phone","token":"` + device + `"}}`
	}
	who := p.from()
	answer, err := v.call(201, "POST", "/api/v1/journeys", who, body)
	if err != nil {
		return "", "", err
	}
	return "/api/v1/journeys/" + pick(answer, "id"), who + "Journey-Key: " + pick(answer, "key") + "\r\n", nil
}

// byText signs in by a text message: three calls and a code that travels.
func (v *visitor) byText(p *person) error {
	path, header, err := v.begin(p)
	if err != nil {
		return err
	}
	select {
	case <-v.box:
	default:
	}
	v.carrier.boxes.wait(p.phone, v.box)
	defer v.carrier.boxes.forget(p.phone)
	if _, err := v.call(200, "POST", path, header, `{"input":"phone","phone":"`+p.phone+`"}`); err != nil {
		return err
	}
	v.timer.Reset(patience)
	code := ""
	select {
	case code = <-v.box:
		v.timer.Stop()
	case <-v.timer.C:
		return errors.New("the code did not come")
	}
	answer, err := v.call(200, "POST", path, header, `{"input":"code","code":"`+code+`"}`)
	if err != nil {
		return err
	}
	return p.signedIn(answer)
}

// byPassword signs in by a password on a known device: three calls, one hash.
func (v *visitor) byPassword(p *person) error {
	path, header, err := v.begin(p)
	if err != nil {
		return err
	}
	if _, err := v.call(200, "POST", path, header, `{"input":"username","username":"`+p.phone+`"}`); err != nil {
		return err
	}
	answer, err := v.call(200, "POST", path, header, `{"input":"password","password":"`+password+`"}`)
	if err != nil {
		return err
	}
	return p.signedIn(answer)
}

// signedIn keeps what the last step gave.
func (p *person) signedIn(answer []byte) error {
	session := pick(within(answer, "session"), "token")
	if session == "" {
		return fmt.Errorf("the last step is %q", pick(within(answer, "step"), "type"))
	}
	p.session = session
	if device := pick(within(answer, "device"), "token"); device != "" {
		p.device = device
	}
	return nil
}

// password is everybody's.
const password = "tub-Ladle-73-mistral"

// setPassword gives the person a password.
func (v *visitor) setPassword(p *person) error {
	_, err := v.call(204, "PUT", "/api/v1/password", p.from()+"Authorization: Bearer "+p.session+"\r\n", `{"new_password":"`+password+`","keep_others":true}`)
	return err
}

// check asks who is signed in.
func (v *visitor) check(p *person) error {
	_, err := v.call(200, "GET", "/api/v1/session", "Authorization: Bearer "+p.session+"\r\n", "")
	return err
}

// percentile of sorted times, in milliseconds.
func percentile(sorted []time.Duration, p float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	at := min(len(sorted)-1, int(math.Ceil(p*float64(len(sorted))))-1)
	return float64(sorted[max(at, 0)].Microseconds()) / 1000
}
