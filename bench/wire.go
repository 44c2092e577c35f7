package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
)

// host is the public host of the server that is measured, as a proxy that ends
// TLS in front of it would pass it on.
const host = "id.example.com"

// conn is one keep-alive connection of a client. It writes HTTP/1.1 by hand and
// reads no more of an answer than is needed: on two cores, what the generator
// takes the server lacks.
type conn struct {
	c    net.Conn
	r    *bufio.Reader
	out  []byte
	body []byte
}

func dial(addr string) (*conn, error) {
	c, err := net.DialTimeout("tcp", addr, 5*time.Second)
	if err != nil {
		return nil, err
	}
	// One time for the whole life: a measurement takes seconds, and what hangs ends it.
	if err := c.SetDeadline(now.Now().Add(patience)); err != nil {
		return nil, err
	}
	return &conn{c: c, r: bufio.NewReaderSize(c, 4096), out: make([]byte, 0, 1024)}, nil
}

func (c *conn) close() { c.c.Close() }

// patience bounds the life of a connection, and so of a measurement.
const patience = 5 * time.Minute

// now is the time of this machine.
var now = clock.System()

// do sends one request and answers the status and the body, which is good until
// the next call. header is whole lines.
func (c *conn) do(method, path, header, body string) (status int, answer []byte, err error) {
	b := append(c.out[:0], method...)
	b = append(b, ' ')
	b = append(b, path...)
	b = append(b, " HTTP/1.1\r\nHost: "+host+"\r\n"...)
	b = append(b, header...)
	if body != "" {
		b = append(b, "Content-Type: application/json\r\nContent-Length: "...)
		b = strconv.AppendInt(b, int64(len(body)), 10)
		b = append(b, "\r\n"...)
	}
	b = append(b, "\r\n"...)
	c.out = append(b, body...)
	if _, err := c.c.Write(c.out); err != nil {
		return 0, nil, err
	}
	first, err := c.r.ReadSlice('\n')
	if err != nil {
		return 0, nil, err
	}
	if len(first) < 12 {
		return 0, nil, errors.New("not an answer")
	}
	if status, err = strconv.Atoi(string(first[9:12])); err != nil {
		return 0, nil, err
	}
	c.body, err = readMessage(c.r, c.body)
	return status, c.body, err
}

var lengthName = []byte("content-length:")

// readMessage reads headers to their end and a body whose length they give.
func readMessage(r *bufio.Reader, into []byte) ([]byte, error) {
	length := 0
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return nil, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			break
		}
		if len(line) > len(lengthName) && bytes.EqualFold(line[:len(lengthName)], lengthName) {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(line[len(lengthName):]))); err != nil || length > 1<<20 {
				return nil, errors.New("a length that cannot be")
			}
		} else if len(line) > 18 && bytes.EqualFold(line[:18], []byte("transfer-encoding:")) {
			return nil, errors.New("the answer comes in chunks, which this client does not read")
		}
	}
	if cap(into) < length {
		into = make([]byte, length)
	}
	into = into[:length]
	_, err := io.ReadFull(r, into)
	return into, err
}

// visit gets a page as a browser does and answers where it leads and the cookie that it
// set ("name=value"; empty: none).
func (c *conn) visit(path, header string) (to *url.URL, cookie string, err error) {
	if _, err := c.c.Write([]byte("GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\nAccept: text/html\r\n" + header + "\r\n")); err != nil {
		return nil, "", err
	}
	answer, err := http.ReadResponse(c.r, nil)
	if err != nil {
		return nil, "", err
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		return nil, "", err
	}
	for _, one := range answer.Cookies() {
		cookie = one.Name + "=" + one.Value
	}
	to, err = answer.Location()
	if err != nil {
		err = fmt.Errorf("status %d leads nowhere", answer.StatusCode)
	}
	return to, cookie, err
}

// pick is the text of the first member of a name, as it stands in JSON. What it
// is asked for is made of letters, digits and signs that JSON leaves alone.
func pick(body []byte, name string) string {
	at := bytes.Index(body, []byte(`"`+name+`":"`))
	if at < 0 {
		return ""
	}
	rest := body[at+len(name)+4:]
	end := bytes.IndexByte(rest, '"')
	if end < 0 {
		return ""
	}
	return string(rest[:end])
}

// within is the body from the first mention of name on.
func within(body []byte, name string) []byte {
	at := bytes.Index(body, []byte(`"`+name+`":`))
	return body[max(at, 0):]
}

// carrier is a carrier of texts that delivers to nobody: it speaks
// docs/protocols/http-carrier.md, and hands each code to the client that waits
// for it. It is where a code can be read, because that is how far it has to travel.
type carrier struct {
	ln    net.Listener
	boxes boxes
	taken atomic.Int64
}

func newCarrier() (*carrier, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	k := &carrier{ln: ln}
	go k.accept()
	return k, nil
}

func (k *carrier) accept() {
	for {
		c, err := k.ln.Accept()
		if err != nil {
			return
		}
		go k.serve(c)
	}
}

// serve takes texts of one connection until it ends.
func (k *carrier) serve(c net.Conn) {
	defer c.Close()
	r := bufio.NewReaderSize(c, 4096)
	var body, out []byte
	for {
		if _, err := r.ReadSlice('\n'); err != nil {
			return
		}
		var err error
		if body, err = readMessage(r, body); err != nil {
			return
		}
		k.boxes.put(pick(body, "to"), lastDigits(body))
		answer := fmt.Sprintf(`{"id":"c-%d"}`, k.taken.Add(1))
		out = append(out[:0], "HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: "...)
		out = strconv.AppendInt(out, int64(len(answer)), 10)
		out = append(append(out, "\r\n\r\n"...), answer...)
		if _, err := c.Write(out); err != nil {
			return
		}
	}
}

// lastDigits is the code of the domain-bound last line, "@host #123456".
func lastDigits(body []byte) string {
	at := bytes.LastIndexByte(body, '#')
	end := at + 1
	for end < len(body) && body[end] >= '0' && body[end] <= '9' {
		end++
	}
	return string(body[at+1 : end])
}
