package proof

import (
	"context"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/question"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/locale"
	"github.com/selfsame-id/selfsame/internal/kit/quota"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// Questions judges answers to security questions.
type Questions struct {
	Stored  *question.Store
	Words   *locale.Book
	Enabled bool        // the operator lets them be used (S-79: off unless asked for)
	Tries   quota.Limit // wrong answers of an account, from wherever they come
}

// TriesADay is how often all three answers may be wrong (S-79).
const TriesADay = 3

// QuestionTries is the limit of wrong answers.
func QuestionTries() quota.Limit {
	return quota.Limit{Name: "questions.tries", Windows: []quota.Window{{Max: TriesADay, Per: 24 * time.Hour}}}
}

// Barred tells until when an account may not answer, or set its questions anew;
// zero: it may now.
func (s *Questions) Barred(ctx context.Context, q sqldb.Querier, book *quota.Book, id account.ID) (until time.Time, err error) {
	refused, err := book.Look(ctx, q, quota.Spend{Limit: s.Tries, Subject: id.String()})
	if err != nil || refused == nil {
		return time.Time{}, err
	}
	return refused.RetryAt, nil
}

// Texts are the wordings of a question in every language.
func (s *Questions) Texts(name string) (out []string) {
	for _, tag := range s.Words.Tags() {
		out = append(out, s.Words.T(tag, "question."+name))
	}
	return out
}

// byQuestions proves by the security questions.
type byQuestions struct {
	p *Prover
	s *Questions
}

// ByQuestions proves by the security questions. They are never enough alone, nor
// with a text message only; the policy sees to that.
func ByQuestions(p *Prover, s *Questions) Means { return byQuestions{p, s} }

func (b byQuestions) Method() policy.Method { return policy.Questions }
func (b byQuestions) Step() step.Type       { return step.TypeQuestions }

func (b byQuestions) Ways(ctx context.Context, q sqldb.Querier, id account.ID) ([]policy.Way, error) {
	stored, err := b.s.Stored.Load(ctx, q, id)
	if err != nil || !stored.IsSet() {
		return nil, err
	}
	way := policy.Way{Method: policy.Questions, Since: stored.Since, Replaced: stored.Replaced}
	if !b.s.Enabled {
		way.Unavailable = "policy"
		return []policy.Way{way}, nil
	}
	if way.RetryAt, err = b.s.Barred(ctx, q, b.p.Book, id); err == nil && !way.RetryAt.IsZero() {
		way.Unavailable = "too_many_tries"
	}
	return []policy.Way{way}, err
}

// Choose is refused to those who have proved nothing: the questions would tell
// whose account it is, and what its owner remembers.
func (b byQuestions) Choose(_ context.Context, _ *sqldb.Tx, t *Turn) error {
	if t.Blind() || !b.s.Enabled {
		return MethodUnavailable.On("method").With("reason", "policy")
	}
	return nil
}

// Begin needs nothing.
func (b byQuestions) Begin(context.Context, *sqldb.Tx, *Turn) error { return nil }

func (b byQuestions) Show(ctx context.Context, q sqldb.Querier, t *Turn) (step.Step, error) {
	s := step.Questions{Head: step.Head{Type: step.TypeQuestions, Inputs: []string{"answers", "other_way"}}, Questions: []step.Question{}, Why: t.Why()}
	stored, err := b.s.Stored.Load(ctx, q, t.Account)
	for _, name := range stored.Names {
		s.Questions = append(s.Questions, step.Question{Question: name, Text: b.s.Words.T(t.Locale, "question."+name)})
	}
	return s, err
}

func (b byQuestions) Moves() map[string]Move {
	return map[string]Move{"answers": {Takes: []string{"answers"}, Count: b.reserve, Ask: b.check, Apply: b.judge}}
}

// answered are answers on their way from Count to Apply.
type answered struct {
	stored question.Stored
	right  bool
}

// reserve charges a try on the account's one counter, whatever device it comes
// from: only who has proved something gets here, so strangers cannot use it up.
func (b byQuestions) reserve(ctx context.Context, tx *sqldb.Tx, t *Turn) error {
	if err := b.Choose(ctx, tx, t); err != nil {
		return err
	}
	if len(t.Input.Answers) != question.Count {
		return fault.InvalidInput.On("answers")
	}
	refused, err := b.p.Book.Spend(ctx, tx, quota.Spend{Limit: b.s.Tries, Subject: t.Account.String()})
	if err != nil {
		return err
	}
	if refused != nil {
		return TooManyAttempts.With("limit", "account").Until(refused.RetryAt)
	}
	stored, err := b.s.Stored.Load(ctx, tx, t.Account)
	t.Answer = &answered{stored: stored}
	return err
}

func (b byQuestions) check(ctx context.Context, t *Turn) (err error) {
	a := t.Answer.(*answered)
	a.right, err = b.s.Stored.Check(ctx, a.stored, t.Input.Answers)
	return err
}

// judge says only whether all answers were right: no word on which was not (S-79).
func (b byQuestions) judge(ctx context.Context, tx *sqldb.Tx, t *Turn) error {
	a := t.Answer.(*answered)
	same, err := b.s.Stored.Same(ctx, tx, a.stored)
	if err != nil {
		return err
	}
	if a.right && same {
		t.Prove(policy.Questions, false)
		return b.p.Book.Clear(ctx, tx, b.s.Tries, t.Account.String())
	}
	left, err := TriesLeft(ctx, tx, b.p.Book, b.s.Tries, t.Account.String())
	if err != nil {
		return err
	}
	if err := b.p.Audit.Write(ctx, tx, audit.Entry{AccountID: t.Account, Kind: audit.AnswersWrong, Details: t.Where()}); err != nil {
		return err
	}
	t.Refuse(AnswersWrong.On("answers").With("tries_left", left))
	return nil
}
