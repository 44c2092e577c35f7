package wechat

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/selfsame-id/selfsame/internal/remote/provider"
)

// fieldsMost bounds the fields of a message.
const fieldsMost = 64

// flat reads the text and number fields of a message in XML or JSON; what is deeper
// is left out. A name twice is refused.
func flat(body []byte) (map[string]string, error) {
	body = bytes.TrimSpace(body)
	fields, err := map[string]string{}, errors.New("neither XML nor JSON")
	switch {
	case !utf8.Valid(body):
	case bytes.HasPrefix(body, []byte("{")):
		err = flatJSON(body, fields)
	case bytes.HasPrefix(body, []byte("<")):
		err = flatXML(body, fields)
	}
	if err != nil {
		return nil, provider.Fail(provider.Malformed, "message")
	}
	return fields, nil
}

func put(fields map[string]string, name, value string) error {
	name = strings.TrimSpace(name)
	if _, twice := fields[name]; twice || len(fields) == fieldsMost {
		return errors.New("a name twice, or too many")
	}
	fields[name] = value
	return nil
}

// flatJSON reads JSON as WeChat's own samples have it: with blanks in names and a
// comma at the end.
func flatJSON(body []byte, fields map[string]string) error {
	d := jsontext.NewDecoder(bytes.NewReader(withoutLastCommas(body)))
	if _, err := d.ReadToken(); err != nil { // the brace
		return err
	}
	for d.PeekKind() == '"' {
		name, err := d.ReadToken()
		if err != nil {
			return err
		}
		key := name.String() // a token is good until the next one is read
		switch d.PeekKind() {
		case '"', '0':
			value, err := d.ReadToken()
			if err != nil {
				return err
			}
			if err := put(fields, key, value.String()); err != nil {
				return err
			}
		default:
			if err := d.SkipValue(); err != nil {
				return err
			}
		}
	}
	if _, err := d.ReadToken(); err != nil { // the other brace
		return err
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return errors.New("more after the object")
	}
	return nil
}

// withoutLastCommas drops the commas before a closing brace or bracket.
func withoutLastCommas(body []byte) []byte {
	out := make([]byte, 0, len(body))
	inside, comma := false, -1 // in a string; where the last comma stands if only blanks follow
	for i := 0; i < len(body); i++ {
		b := body[i]
		switch {
		case inside && b == '\\' && i+1 < len(body):
			out = append(out, b)
			i++
			b = body[i]
		case b == '"':
			inside = !inside
			comma = -1
		case inside:
		case b == ',':
			comma = len(out)
		case (b == '}' || b == ']') && comma >= 0:
			out[comma] = ' '
			comma = -1
		case b != ' ' && b != '\t' && b != '\r' && b != '\n':
			comma = -1
		}
		out = append(out, b)
	}
	return out
}

// flatXML reads the children of the root element. A document type is refused, and
// with it every entity that is not XML's own (S-165).
func flatXML(body []byte, fields map[string]string) error {
	d := xml.NewDecoder(bytes.NewReader(body))
	depth, name, text, deep, closed := 0, "", "", false, false
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			if !closed {
				return errors.New("no root element")
			}
			return nil
		}
		if err != nil {
			return err
		}
		switch token := token.(type) {
		case xml.Directive:
			return errors.New("a document type")
		case xml.StartElement:
			if depth++; closed || depth > 8 {
				return errors.New("too deep, or two roots")
			}
			if depth == 2 {
				name, text, deep = token.Name.Local, "", false
			}
			deep = deep || depth > 2
		case xml.CharData:
			if depth == 2 {
				text += string(token)
			}
		case xml.EndElement:
			if depth == 2 && !deep {
				if err := put(fields, name, strings.TrimSpace(text)); err != nil {
					return err
				}
			}
			depth--
			closed = depth == 0
		}
	}
}
