// Package prompt holds the questions that an account's signed-in devices are
// asked: somebody proves elsewhere that the account is theirs, is this you? It
// owns the table prompt and must never say who may answer, nor what an answer is
// worth.
package prompt
