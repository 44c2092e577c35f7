package invariant

// Sentences are those that the database is asked for.
func Sentences() (out []string) {
	for _, r := range rules {
		out = append(out, r.sentence)
	}
	return out
}
