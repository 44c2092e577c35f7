package smtp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"strings"

	gomail "github.com/wneessen/go-mail"

	"github.com/selfsame-id/selfsame/internal/remote/courier/attempt"
)

// dialFailure judges an error of the connection, its encryption, the greeting or
// the sign-in at the relay: no letter has been offered yet.
func dialFailure(err error) *attempt.Failure {
	var reply *textproto.Error
	var network *net.OpError
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.As(err, &reply):
		class := attempt.Temporary
		if reply.Code >= 500 { // wrong credentials, or the relay does not want us
			class = attempt.Elsewhere
		}
		return attempt.Fail(class, attempt.Service, fmt.Errorf("the relay greets with %d", reply.Code))
	case errors.As(err, &certificate):
		return attempt.Fail(attempt.Temporary, attempt.Service, certificate)
	case errors.As(err, &network):
		return attempt.Fail(attempt.Temporary, attempt.Service, network)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return attempt.Fail(attempt.Temporary, attempt.Service, errors.New("the relay did not greet in time"))
	case strings.Contains(err.Error(), "does not support"):
		return attempt.Fail(attempt.Elsewhere, attempt.Service, errors.New("the relay lacks STARTTLS or AUTH"))
	}
	return attempt.Fail(attempt.Temporary, attempt.Service, errors.New("the greeting failed"))
}

// judge makes a failure of the library's error; nil means taken. keep tells
// whether the connection can carry another letter.
func judge(err error, delivered bool) (f *attempt.Failure, keep bool) {
	if err == nil || delivered {
		return nil, err == nil // taken, though the reset after it may have failed
	}
	var s *gomail.SendError
	if !errors.As(err, &s) {
		return attempt.Fail(attempt.Ambiguous, attempt.Service, errors.New("the library's error is not its own")), false
	}
	code, status := s.ErrorCode(), s.EnhancedStatusCode()
	cause := fmt.Errorf("%s: %d %s", s.Reason, code, status)
	keep = code != 0 && code != 421
	switch {
	case s.Reason == gomail.ErrSMTPDataClose && code == 0:
		return attempt.Fail(attempt.Ambiguous, attempt.Service, cause), false
	case code == 0: // cut off or too late before the end of the letter
		return attempt.Fail(attempt.Temporary, attempt.Service, cause), false
	case code == 421 || code < 500 && s.Reason != gomail.ErrSMTPRcptTo:
		return attempt.Fail(attempt.Temporary, attempt.Service, cause), keep
	case s.Reason == gomail.ErrSMTPMailFrom: // about us, not about the recipient
		return attempt.Fail(attempt.Elsewhere, attempt.Service, cause), keep
	}
	class, reason := recipient(code, status, s.Reason == gomail.ErrSMTPRcptTo)
	return attempt.Fail(class, reason, cause), keep
}

// recipient reads what a relay says of the recipient or the letter, by the
// enhanced status (RFC 3463) where there is one, else by the code (RFC 5321
// section 4.2.3). Without the former, 550 may be about the mailbox or about a
// policy; before the letter was seen it is more often the mailbox.
func recipient(code int, status string, early bool) (attempt.Class, string) {
	temporary := code < 500
	_, subject, _ := strings.Cut(status, ".")
	reason := attempt.Refused
	switch {
	case subject == "2.2", subject == "" && (code == 452 || code == 552):
		reason = attempt.MailboxFull
	case strings.HasPrefix(subject, "1."), subject == "2.1", subject == "2.0", subject == "" && early && (code == 550 || code == 551 || code == 553):
		reason = attempt.MailboxUnknown
	case temporary: // greylisting, a limit, a lock
		reason = attempt.Service
	}
	switch {
	case temporary:
		return attempt.Temporary, reason
	case reason == attempt.Refused:
		return attempt.Elsewhere, reason // by policy: another relay may have a better name
	}
	return attempt.Permanent, reason
}
