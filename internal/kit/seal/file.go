package seal

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"

	aeadsubtle "github.com/tink-crypto/tink-go/v2/aead/subtle"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"
	"golang.org/x/crypto/argon2"
)

// The errors of a ring file. Each message names the file and what to do; none
// holds a secret.
var (
	// ErrPassphrase means that the file is whole as far as can be seen and the
	// passphrase is not the one it was saved with.
	ErrPassphrase = errors.New("the passphrase is not the one that the ring file was saved with")
	// ErrDamaged means that the file is cut, altered, or no ring file.
	ErrDamaged = errors.New("the ring file is damaged: restore it from a backup")
	// ErrExposed means that others on the machine may read or change the file.
	ErrExposed = errors.New("the ring file must be closed to others: chmod 600")
	// ErrWeak means that the passphrase is too short to keep anything.
	ErrWeak = errors.New("the passphrase of a ring needs at least 16 bytes")
	// ErrChanged means that the file holds what somebody else saved.
	ErrChanged = errors.New("the ring file was saved by someone else meanwhile: read it again")
)

const (
	fileFormat    = "selfsame-ring-1"
	maxFileSize   = 1 << 20
	minPassphrase = 16
	saltSize      = 16
	wrapKeySize   = 32
	checkSize     = 16
)

// wrapping is how the passphrase becomes the key that wraps the ring. The
// default is the second recommendation of RFC 9106 section 4 with two passes
// instead of three, because the server is to be ready within 300 ms; it is three
// times the default cost of a person's password, and passphrases are longer.
type wrapping struct {
	MemoryKiB uint32 `json:"memory_kib"`
	Time      uint32 `json:"time"`
	Threads   uint8  `json:"threads"`
	Salt      []byte `json:"salt"`
}

var defaultWrapping = wrapping{MemoryKiB: 64 << 10, Time: 2, Threads: 4}

// sane keeps a crafted file from costing gigabytes or hours before it is refused.
func (w wrapping) sane() bool {
	return len(w.Salt) == saltSize && w.MemoryKiB >= 8<<10 && w.MemoryKiB <= 1<<20 &&
		w.Time >= 1 && w.Time <= 16 && w.Threads >= 1 && w.Threads <= 16
}

// ringFile is the file. Check tells a wrong passphrase from a damaged file; it
// is an output of the same slow function and makes guessing no cheaper, since
// the wrapped keysets tell a right guess as well.
type ringFile struct {
	Format   string   `json:"format"`
	Argon2id wrapping `json:"argon2id"`
	Check    []byte   `json:"check"`
	Sealing  []byte   `json:"sealing"`
	Deriving []byte   `json:"deriving"`
}

// Create makes a ring with fresh keys and saves it to a file that must not
// exist yet: an existing ring is never overwritten by a fresh one.
func Create(path string, passphrase []byte) (*Ring, error) {
	r, err := New()
	if err != nil {
		return nil, err
	}
	raw, err := r.now.Load().wrap(passphrase, defaultWrapping)
	if err != nil {
		return nil, fileError(path, err)
	}
	temp, err := writeTemp(path, raw)
	if err != nil {
		return nil, err
	}
	defer os.Remove(temp)
	if err := os.Link(temp, path); err != nil { // unlike a rename, it fails if path exists
		return nil, fmt.Errorf("seal: creating the ring file: %w", err)
	}
	r.disk = sha256.Sum256(raw)
	return r, syncDir(path)
}

// Open reads a ring from its file. Errors wrap ErrPassphrase, ErrDamaged,
// ErrExposed or fs.ErrNotExist.
func Open(path string, passphrase []byte) (*Ring, error) {
	s, digest, err := read(path, passphrase)
	if err != nil {
		return nil, err
	}
	r := &Ring{disk: digest}
	r.now.Store(s)
	return r, nil
}

// Save writes the ring to a file in one step: a crash leaves the old file or
// the new one. A file that is not the one this ring was last read from or saved
// to is not overwritten; the error then wraps ErrChanged.
func (r *Ring) Save(path string, passphrase []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if present, err := os.ReadFile(path); err == nil && sha256.Sum256(present) != r.disk {
		return fileError(path, ErrChanged)
	}
	raw, err := r.now.Load().wrap(passphrase, defaultWrapping)
	if err != nil {
		return fileError(path, err)
	}
	temp, err := writeTemp(path, raw)
	if err != nil {
		return err
	}
	if err := os.Rename(temp, path); err != nil {
		os.Remove(temp)
		return fmt.Errorf("seal: saving the ring file: %w", err)
	}
	r.disk = sha256.Sum256(raw)
	return syncDir(path)
}

// wrap encrypts both keysets under the passphrase. The header is authenticated
// with each, so that parts of two files cannot be put together.
func (s *state) wrap(passphrase []byte, w wrapping) ([]byte, error) {
	if len(passphrase) < minPassphrase {
		return nil, ErrWeak
	}
	w.Salt = make([]byte, saltSize)
	rand.Read(w.Salt)
	key, check, err := unlock(passphrase, w)
	if err != nil {
		return nil, err
	}
	f := ringFile{Format: fileFormat, Argon2id: w, Check: check}
	if f.Sealing, err = wrapSet(s.sealing, key, f.bind(Sealing)); err != nil {
		return nil, err
	}
	if f.Deriving, err = wrapSet(s.deriving, key, f.bind(Deriving)); err != nil {
		return nil, err
	}
	raw, err := json.MarshalIndent(f, "", "  ")
	return append(raw, '\n'), err
}

func read(path string, passphrase []byte) (*state, [32]byte, error) {
	raw, err := readClosed(path)
	if err != nil {
		return nil, [32]byte{}, err
	}
	s, err := unwrap(raw, passphrase)
	if err != nil {
		return nil, [32]byte{}, fileError(path, err)
	}
	return s, sha256.Sum256(raw), nil
}

func unwrap(raw, passphrase []byte) (*state, error) {
	var f ringFile
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil || f.Format != fileFormat || !f.Argon2id.sane() {
		return nil, ErrDamaged
	}
	key, check, err := unlock(passphrase, f.Argon2id)
	if err != nil {
		return nil, err
	}
	if subtle.ConstantTimeCompare(check, f.Check) != 1 {
		return nil, ErrPassphrase
	}
	sealing, err := keyset.ReadWithAssociatedData(keyset.NewBinaryReader(bytes.NewReader(f.Sealing)), key, f.bind(Sealing))
	if err != nil {
		return nil, ErrDamaged
	}
	deriving, err := keyset.ReadWithAssociatedData(keyset.NewBinaryReader(bytes.NewReader(f.Deriving)), key, f.bind(Deriving))
	if err != nil {
		return nil, ErrDamaged
	}
	return newState(sealing, deriving)
}

func wrapSet(h *keyset.Handle, key tink.AEAD, bind []byte) ([]byte, error) {
	var out bytes.Buffer
	err := h.WriteWithAssociatedData(keyset.NewBinaryWriter(&out), key, bind)
	return out.Bytes(), err
}

// bind is what one wrapped keyset is tied to: the format, its use, and the salt
// and cost of this very save.
func (f *ringFile) bind(use Use) []byte {
	w := f.Argon2id
	cost := fmt.Sprintf("%d,%d,%d", w.MemoryKiB, w.Time, w.Threads)
	b := appendPart(nil, f.Format)
	b = appendPart(b, string(use))
	b = appendPart(b, cost)
	return appendPart(b, w.Salt)
}

// unlock stretches the passphrase. It runs at start and at a rotation only; its
// memory is given back to the system at once, because an idle server should
// not be billed for it.
func unlock(passphrase []byte, w wrapping) (key tink.AEAD, check []byte, err error) {
	out := argon2.IDKey(passphrase, w.Salt, w.Time, w.MemoryKiB, w.Threads, wrapKeySize+checkSize)
	debug.FreeOSMemory()
	key, err = aeadsubtle.NewAESGCM(out[:wrapKeySize])
	return key, out[wrapKeySize:], err
}

// readClosed reads the file if nobody but its owner (and a group that may only
// read, as container platforms mount secrets) can.
func readClosed(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o027 != 0 {
		return nil, fileError(path, ErrExposed)
	}
	if !info.Mode().IsRegular() || info.Size() > maxFileSize {
		return nil, fileError(path, ErrDamaged)
	}
	raw, err := io.ReadAll(io.LimitReader(f, maxFileSize))
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return raw, nil
}

// writeTemp writes raw beside path, readable by the owner only and on disk.
func writeTemp(path string, raw []byte) (string, error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // mode 0600
	if err != nil {
		return "", fmt.Errorf("seal: %w", err)
	}
	_, err = f.Write(raw)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		os.Remove(f.Name())
		return "", fmt.Errorf("seal: %w", err)
	}
	return f.Name(), nil
}

// syncDir makes the new name of the file durable.
func syncDir(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("seal: %w", err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("seal: %w", err)
	}
	return nil
}

func fileError(path string, err error) error {
	return &fs.PathError{Op: "seal", Path: path, Err: err}
}
