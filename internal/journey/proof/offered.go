package proof

import "github.com/selfsame-id/selfsame/internal/journey/proof/policy"

// Offered lists the methods that accounts of this server can have, in the order in
// which people see them.
func (p *Prover) Offered() []policy.Method {
	var all []policy.Method
	for _, m := range p.Means {
		if q, is := m.(byQuestions); is && !q.s.Enabled {
			continue
		}
		all = append(all, m.Method())
	}
	return all
}
