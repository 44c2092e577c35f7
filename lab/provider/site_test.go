package provider_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/selfsame-id/selfsame/lab/provider"
	"github.com/selfsame-id/selfsame/lab/provider/walktest"
)

func TestChangeLeavesSnapshots(t *testing.T) {
	type config struct{ Apps []string }
	s := provider.NewSite(provider.Options{Clock: new(walktest.Clock)}, config{[]string{"one"}}, provider.About[config]{
		Name: "some", Title: "Some", Copy: func(c *config) { c.Apps = slices.Clone(c.Apps) },
	})
	before := s.Settings()
	s.Change(func(c *config) { c.Apps[0] = "two" })
	if got := s.Settings().Apps[0]; before.Apps[0] != "one" || got != "two" {
		t.Errorf("%s before and %s after", before.Apps[0], got)
	}
	if s.Desk().Title != "Some" {
		t.Errorf("title %q", s.Desk().Title)
	}
	if _, err := s.Event("any", "ana", "valid"); !errors.Is(err, provider.ErrNoEvent) {
		t.Errorf("an event: %v", err)
	}
}

func TestSend(t *testing.T) {
	var sent provider.Last[string]
	texts := []string{"1", "2", "3", "4", "5"}
	steps := []struct {
		variant string
		honest  bool
		want    []string
	}{
		{"replay", true, []string{"1", "1"}}, // none before: twice
		{"valid", false, []string{"2"}},      // not kept
		{"replay", true, []string{"1"}},
		{"valid", true, []string{"3"}},
		{"replay", true, []string{"3"}},
	}
	for _, step := range steps {
		var got []string
		happened := false
		m := provider.Message{
			Key: "kind ana",
			Write: func() (string, error) {
				text := texts[0]
				texts = texts[1:]
				return text, nil
			},
			Send: func(text string) (int, error) {
				got = append(got, text)
				return 200, nil
			},
		}
		if step.honest {
			m.Happens = func() { happened = true }
		}
		if status, err := provider.Send(&sent, step.variant, m); status != 200 || err != nil || !slices.Equal(got, step.want) {
			t.Errorf("%s: %d %v, sent %q, want %q", step.variant, status, err, got, step.want)
		}
		if fresh := step.variant != "replay" || len(step.want) == 2; happened != (fresh && step.honest) {
			t.Errorf("%s: happened %v", step.variant, happened)
		}
	}
}
