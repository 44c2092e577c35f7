package question

import "github.com/selfsame-id/selfsame/internal/kit/fault"

// AnswerGuessable refuses an answer that others would guess; its argument reason
// is short, popular, personal, same or question.
var AnswerGuessable = fault.Declare("answer_guessable", 422, "security-questions/what-are-they-for")
