package question_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/credential"
	"github.com/selfsame-id/selfsame/internal/identity/question"
	"github.com/selfsame-id/selfsame/internal/identity/rekey"
	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb/sqldbtest"
	"github.com/selfsame-id/selfsame/internal/words"
)

const ada, bob = account.ID(234567890120), account.ID(345678901230)

type drawer struct {
	*question.Store
	t     *testing.T
	db    *sqldb.DB
	clock *clock.Clock
	ring  *seal.Ring
}

var cheap = credential.Profile{MemoryKiB: 64, Time: 1, Threads: 1}

func each(t *testing.T, f func(d *drawer)) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) {
		ring, err := seal.New()
		if err != nil {
			t.Fatal(err)
		}
		h := credential.New(credential.NewGate(cheap, 2, 1000, c), ring, credential.Rules{})
		f(&drawer{question.New(ring, h), t, db, c, ring})
	})
}

func (d *drawer) do(f func(ctx context.Context, tx *sqldb.Tx) error) {
	d.t.Helper()
	if err := d.db.InTx(d.t.Context(), func(tx *sqldb.Tx) error { return f(d.t.Context(), tx) }); err != nil {
		d.t.Fatal(err)
	}
}

func (d *drawer) set(id account.ID, answers ...question.Answer) {
	d.t.Helper()
	h, err := d.Hash(d.t.Context(), answers)
	if err != nil {
		d.t.Fatal(err)
	}
	d.do(func(ctx context.Context, tx *sqldb.Tx) error { return d.Set(ctx, tx, id, h) })
}

func (d *drawer) load(id account.ID) question.Stored {
	d.t.Helper()
	s, err := d.Load(d.t.Context(), d.db, id)
	if err != nil {
		d.t.Fatal(err)
	}
	return s
}

func (d *drawer) check(id account.ID, answers ...string) bool {
	d.t.Helper()
	right, err := d.Check(d.t.Context(), d.load(id), answers)
	if err != nil {
		d.t.Fatal(err)
	}
	return right
}

var hers = []question.Answer{
	{"hiding_place", "Behind the Coal-Shed, left!"}, {"neighbor_nickname", "Küchen Karl"}, {"lost_thing", "外婆的蓝围巾"},
}

// TestS079_AllThree: every answer is needed, in its place, in whatever spelling.
func TestS079_AllThree(t *testing.T) {
	each(t, func(d *drawer) {
		d.set(ada, hers...)
		d.set(bob, question.Answer{"hiding_place", "the mill wheel"}, question.Answer{"neighbor_nickname", "old boots"}, question.Answer{"lost_thing", "a tin whistle"})
		tests := []struct {
			name    string
			answers []string
			want    bool
		}{
			{"as they were", []string{"Behind the Coal-Shed, left!", "Küchen Karl", "外婆的蓝围巾"}, true},
			{"otherwise written", []string{" behind the coal shed left", "KU\u0308CHEN-KARL.", "外婆 的 蓝围巾。"}, true},
			{"full width", []string{"ｂｅｈｉｎｄ the coalshed LEFT", "küchenkarl", "外婆的蓝围巾"}, true},
			{"first wrong", []string{"behind the shed", "Küchen Karl", "外婆的蓝围巾"}, false},
			{"second wrong", []string{"Behind the Coal-Shed, left!", "Kuchen Karl", "外婆的蓝围巾"}, false},
			{"third wrong", []string{"Behind the Coal-Shed, left!", "Küchen Karl", "外婆的围巾"}, false},
			{"other order", []string{"Küchen Karl", "Behind the Coal-Shed, left!", "外婆的蓝围巾"}, false},
			{"moved across", []string{"Behind the Coal-Shed, left! K", "üchen Karl", "外婆的蓝围巾"}, false},
			{"two", []string{"Behind the Coal-Shed, left!", "Küchen Karl"}, false},
			{"four", []string{"Behind the Coal-Shed, left!", "Küchen Karl", "外婆的蓝围巾", ""}, false},
			{"empty", []string{"", "", ""}, false},
			{"huge", []string{strings.Repeat("x", 1<<20), "Küchen Karl", "外婆的蓝围巾"}, false},
			{"none", nil, false},
			{"of bob", []string{"the mill wheel", "old boots", "a tin whistle"}, false},
		}
		for _, tt := range tests {
			if got := d.check(ada, tt.answers...); got != tt.want {
				d.t.Errorf("%s: %v", tt.name, got)
			}
		}
		if d.check(account.ID(456789012340), "", "", "") {
			d.t.Error("who has no questions answers them")
		}
	})
}

// TestS079_Stored: the row holds no answer, and opens for its account only.
func TestS079_Stored(t *testing.T) {
	each(t, func(d *drawer) {
		d.set(ada, hers...)
		d.set(bob, hers...)
		var sealed []byte
		var names string
		if err := d.db.QueryRow(d.t.Context(), `SELECT questions, sealed FROM question WHERE account_id = $1`, int64(ada)).Scan(&names, &sealed); err != nil {
			d.t.Fatal(err)
		}
		if names != "hiding_place neighbor_nickname lost_thing" || strings.Contains(string(sealed), "coal") || len(sealed) < 40 {
			d.t.Errorf("%q, %d bytes", names, len(sealed))
		}
		d.do(func(ctx context.Context, tx *sqldb.Tx) error {
			_, err := tx.Exec(ctx, `UPDATE question SET sealed = (SELECT sealed FROM question WHERE account_id = $1) WHERE account_id = $2`, int64(bob), int64(ada))
			return err
		})
		if _, err := d.Check(d.t.Context(), d.load(ada), []string{"a", "b", "c"}); err == nil {
			d.t.Error("the row of another account opens")
		}
	})
}

// TestReplace: new questions take the place of the old, whose answers are over,
// also those that were just compared.
func TestReplace(t *testing.T) {
	each(t, func(d *drawer) {
		d.set(ada, hers...)
		old := d.load(ada)
		if old.Replaced || !old.Since.Equal(d.clock.Now()) {
			d.t.Errorf("replaced %v since %v", old.Replaced, old.Since)
		}
		same := func(want bool) {
			d.t.Helper()
			if got, err := d.Same(d.t.Context(), d.db, old); err != nil || got != want {
				d.t.Errorf("the same: %v, %v", got, err)
			}
		}
		same(true)
		d.clock.Advance(time.Hour)
		d.set(ada, question.Answer{"way_to_school", "a burnt oak"}, question.Answer{"family_word", "frumpelig"}, question.Answer{"lost_thing", "外婆的蓝围巾"})
		same(false)
		now := d.load(ada)
		if diff := cmp.Diff([]string{"way_to_school", "family_word", "lost_thing"}, now.Names); diff != "" || !now.Replaced || !now.Since.Equal(d.clock.Now()) {
			d.t.Errorf("%s replaced %v since %v", diff, now.Replaced, now.Since)
		}
		for _, want := range []bool{true, false} {
			d.do(func(ctx context.Context, tx *sqldb.Tx) error {
				if found, err := d.Remove(ctx, tx, ada); err != nil || found != want {
					d.t.Errorf("removing: %v, %v", found, err)
				}
				return nil
			})
		}
		same(false)
	})
}

func TestRekey(t *testing.T) {
	each(t, func(d *drawer) {
		d.set(ada, hers...)
		if err := d.ring.Rotate(); err != nil {
			d.t.Fatal(err)
		}
		done, err := rekey.Walk(d.t.Context(), d.db, d.ring, question.Sealed()[0])
		if diff := cmp.Diff(rekey.Done{Seen: 1, Changed: 1}, done); err != nil || diff != "" {
			d.t.Errorf("%v %s", err, diff)
		}
		if !d.check(ada, hers[0].Answer, hers[1].Answer, hers[2].Answer) {
			d.t.Error("the answers are lost")
		}
	})
}

// texts are the wordings of a question in every language.
func texts(name string) (out []string) {
	for _, tag := range words.Book().Tags() {
		out = append(out, words.Book().T(tag, "question."+name))
	}
	return out
}

// TestS079_GuessableAnswersAreRefused, each with its reason and its place.
func TestS079_GuessableAnswersAreRefused(t *testing.T) {
	about := []string{"+8613800138000", "ada.lovelace@example.com", "Ada L.", "Selfsame"}
	tests := map[string]string{
		"":                         "short",
		"abc":                      "short",
		"a-b-c!":                   "short",
		"树下":                       "short",
		"密 码":                      "short",
		"I don't know":             "popular",
		"BEDROOM":                  "popular",
		"under  the bed":           "popular",
		"衣柜里":                      "popular",
		"好好学习，天天向上！":               "popular",
		"1984":                     "popular",
		"aaaaaaa":                  "popular",
		"abababab":                 "popular",
		"13800138000":              "popular",
		"call 8613800138000":       "personal",
		"ada.lovelace":             "personal",
		"lovelace":                 "personal",
		"at selfsame":              "personal",
		"ada.lovelace@example.com": "personal",
		"küchen karl":              "same",
		"did you hide":             "question",
		"the mill wheel":           "",
		"老磨坊后面":                    "",
		"a burnt oak":              "",
		"磨坊后":                      "",
	}
	for answer, want := range tests {
		answers := []question.Answer{hers[1], {"hiding_place", answer}, hers[2]}
		err := question.Judge(answers, about, texts)
		if want == "" {
			if err != nil {
				t.Errorf("%q: %v", answer, err)
			}
			continue
		}
		f := fault.From(err)
		if f == nil || f.Code != "answer_guessable" || f.Field != "questions.1.answer" || f.Args["reason"] != want {
			t.Errorf("%q: %+v, want %s", answer, f, want)
		}
	}
}

// TestS079_NoSelfWrittenQuestions: three different ones of ours.
func TestS079_NoSelfWrittenQuestions(t *testing.T) {
	mine := question.Answer{"what is my dog called", "a burnt oak"}
	tests := map[string]struct {
		answers []question.Answer
		field   string
	}{
		"good":     {hers, ""},
		"two":      {hers[:2], "questions"},
		"four":     {append(hers[:3:3], question.Answer{"family_word", "frumpelig"}), "questions"},
		"none":     {nil, "questions"},
		"mine":     {[]question.Answer{hers[0], hers[1], mine}, "questions.2.question"},
		"empty":    {[]question.Answer{{"", "a burnt oak"}, hers[1], hers[2]}, "questions.0.question"},
		"twice":    {[]question.Answer{hers[0], {"hiding_place", "a burnt oak"}, hers[2]}, "questions.1.question"},
		"huge":     {[]question.Answer{hers[0], {"family_word", strings.Repeat("x", 1<<20)}, hers[2]}, "questions.1.answer"},
		"no UTF-8": {[]question.Answer{hers[0], {"family_word", "frum\xffpelig"}, hers[2]}, "questions.1.answer"},
		"letters":  {[]question.Answer{hers[0], {"family_word", strings.Repeat("字词", 51)}, hers[2]}, "questions.1.answer"},
	}
	for name, tt := range tests {
		err := question.Judge(tt.answers, nil, texts)
		if tt.field == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if f := fault.From(err); !errors.Is(err, fault.InvalidInput) || f.Field != tt.field {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzNormalize(f *testing.F) {
	for _, seed := range []string{"Behind the shed", "KU\u0308CHEN", "外婆 的", "ＡＢ", "\xff\x00", "ﬁ", "İ", "ẞ", "ῼ", strings.Repeat("0", 250) + "\xf1Ŀ"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		if len(typed) > 1000 {
			return
		}
		once := question.Normalize(typed)
		if strings.ContainsRune(once, 0) {
			t.Errorf("%q holds the character that divides answers", once)
		}
		if again := question.Normalize(once); again != once {
			t.Errorf("%q becomes %q, then %q", typed, once, again)
		}
	})
}
