package main

import (
	"github.com/selfsame-id/selfsame/internal/identity/question"
	"github.com/selfsame-id/selfsame/internal/identity/recoverycode"
	"github.com/selfsame-id/selfsame/internal/identity/totp"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
)

// factorParts are authenticator apps, recovery codes and security questions.
type factorParts struct {
	totp      *totp.Store
	codes     *recoverycode.Store
	questions *proof.Questions
}

// otherFactors makes them ways to prove.
func (b *site) otherFactors(notices *proof.Notices) {
	f := &factorParts{
		totp: totp.New(b.ring), codes: recoverycode.New(b.ring, b.passwords),
		questions: &proof.Questions{
			Stored: question.New(b.ring, b.passwords), Words: b.words, Enabled: b.set.Questions.Enabled, Tries: proof.QuestionTries(),
		},
	}
	b.prover.Means = append(b.prover.Means,
		proof.ByTOTP(b.prover, f.totp), proof.ByRecoveryCode(b.prover, f.codes, notices), proof.ByQuestions(b.prover, f.questions))
	b.factors = f
}
