package pages

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"regexp"
	"strconv"
	"strings"

	"github.com/selfsame-id/selfsame/internal/front/httpd"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
)

// The files that browsers load. assets/altcha is the widget of the proof of
// work (MIT) and assets/icons.svg is drawn from Lucide (ISC); their licenses
// stand beside them. assets/providers.svg is ours.
//
//go:embed assets
var assetFiles embed.FS

// asset is one file under a name that changes with its content.
type asset struct {
	kind   string
	plain  []byte
	zipped []byte // nil if it does not get smaller
}

type assets struct {
	byAddress map[string]*asset // "style.3fa9c1d2.css"
	addresses map[string]string // "style.css" -> "/assets/style.3fa9c1d2.css"
	icons     map[string]template.HTML
}

var kinds = map[string]string{
	".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
	".png": "image/png", ".txt": "text/plain; charset=utf-8",
}

func newAssets(brand Brand, overrides fs.FS) (*assets, error) {
	ours, err := fs.Sub(assetFiles, "assets")
	if err != nil {
		return nil, err
	}
	a := &assets{byAddress: map[string]*asset{}, addresses: map[string]string{}}
	if err := a.readIcons(ours, overrides); err != nil {
		return nil, err
	}
	colors, err := brand.style()
	if err != nil {
		return nil, err
	}
	err = fs.WalkDir(ours, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || name == "icons.svg" || name == "providers.svg" || name == "mark.svg" || kinds[path.Ext(name)] == "" {
			return err
		}
		text, err := fs.ReadFile(ours, name)
		if err != nil {
			return err
		}
		if name == "style.css" {
			if text, err = withOverride(append(text, colors...), overrides); err != nil {
				return err
			}
		}
		a.add(name, text)
		return nil
	})
	if err != nil {
		return nil, err
	}
	mark, err := brand.mark(ours)
	if err != nil {
		return nil, err
	}
	a.add("mark.svg", mark)
	return a, nil
}

// withOverride puts the operator's own rules after ours; rules outside layers win.
func withOverride(css []byte, overrides fs.FS) ([]byte, error) {
	if overrides == nil {
		return css, nil
	}
	own, err := fs.ReadFile(overrides, "style.css")
	if errors.Is(err, fs.ErrNotExist) {
		return css, nil
	}
	return append(append(css, '\n'), own...), err
}

func (a *assets) add(name string, content []byte) {
	kind := kinds[path.Ext(name)]
	if name == "mark.svg" && !bytes.Contains(content, []byte("<svg")) {
		kind = http.DetectContentType(content)
	}
	sum := sha256.Sum256(content)
	ext := path.Ext(name)
	hashed := strings.ReplaceAll(strings.TrimSuffix(name, ext), "/", "-") + "." + hex.EncodeToString(sum[:5]) + ext
	a.byAddress[hashed] = &asset{kind: kind, plain: content, zipped: zip(content)}
	a.addresses[name] = "/assets/" + hashed
}

func zip(content []byte) []byte {
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // the level is a valid one
	_, _ = z.Write(content)                               // a buffer takes everything
	_ = z.Close()
	if b.Len() >= len(content) {
		return nil
	}
	return b.Bytes()
}

// address is where a file is served; templates call it "asset".
func (a *assets) address(name string) (string, error) {
	if at, ok := a.addresses[name]; ok {
		return at, nil
	}
	return "", errors.New("pages: there is no asset " + name)
}

var symbol = regexp.MustCompile(`<symbol id="([a-z0-9-]+)">(.*)</symbol>`)

// readIcons reads our icons, then those of the operator, who may have a vendor's
// leave to show its own artwork.
func (a *assets) readIcons(ours, overrides fs.FS) error {
	a.icons = map[string]template.HTML{}
	read := func(from fs.FS, name string) error {
		text, err := fs.ReadFile(from, name)
		for _, m := range symbol.FindAllSubmatch(text, -1) {
			a.icons[string(m[1])] = template.HTML(m[2])
		}
		return err
	}
	for _, name := range []string{"icons.svg", "providers.svg"} {
		if err := read(ours, name); err != nil {
			return err
		}
	}
	if overrides == nil {
		return nil
	}
	if err := read(overrides, "icons.svg"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// icon draws an icon inline, hidden from screen readers: it never stands alone.
func (a *assets) icon(name string, classes ...string) (template.HTML, error) {
	drawing, ok := a.icons[name]
	if !ok {
		return "", fmt.Errorf("pages: there is no icon %q", name)
	}
	class := template.HTMLEscapeString(strings.Join(append([]string{"icon"}, classes...), " "))
	return template.HTML(`<svg class="`+class+`" viewBox="0 0 24 24" aria-hidden="true">`) + drawing + `</svg>`, nil
}

func (a *assets) mount(rt *httpd.Router) { rt.Handle("GET /assets/{name}", a.serve, httpd.Immutable()) }

func (a *assets) serve(w http.ResponseWriter, r *http.Request) error {
	file, ok := a.byAddress[r.PathValue("name")]
	if !ok {
		return fault.NotFound
	}
	h, body := w.Header(), file.plain
	h["Content-Type"] = []string{file.kind}
	if file.zipped != nil {
		h["Vary"] = []string{"Accept-Encoding"}
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			h["Content-Encoding"] = []string{"gzip"}
			body = file.zipped
		}
	}
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	_, err := w.Write(body)
	return err
}
