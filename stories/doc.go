// Package stories holds what people live through with Selfsame: tests that start
// the finished program and meet it as a person does, with a phone, a mailbox and
// a browser. They must never import the house, reach into its store or replace a
// part of it; only the outside world is played, by the lab of the demo.
package stories
