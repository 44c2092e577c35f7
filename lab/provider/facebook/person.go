package facebook

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/selfsame-id/selfsame/lab/provider"
)

// id is a person's id, a number for those whose numbers are flipped.
func id(app string, p provider.Person) any {
	text := subject(app, p.ID)
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && p.Has("flipped") {
		return n
	}
	return text
}

// debug says what a token is and whose, to who has the token of an app. A token of
// another app is described like any other: the caller has to look at app_id.
func (s *Sim) debug(r *http.Request) (any, int) {
	c := s.Settings()
	if bearer(r) != c.AppID+"|"+c.Secret || s.Desk().Failure() == provider.WrongSecret {
		return invalid(0, "Invalid OAuth access token signature.")
	}
	g, subcode, message := s.look(r.Form.Get("input_token"))
	if message != "" {
		e := map[string]any{"code": 190, "message": message}
		if subcode != 0 {
			e["subcode"] = subcode
		}
		data := map[string]any{"error": e, "is_valid": false, "scopes": []string{}}
		if g.app != "" {
			data["app_id"] = g.app
		}
		return map[string]any{"data": data}, http.StatusOK
	}
	p, _ := s.Desk().Person(g.person) // look found them
	ends := g.issued.Add(accessLife)
	name := c.Name
	if g.app != c.AppID {
		name = "Another app"
	}
	data := map[string]any{
		"app_id": g.app, "type": "USER", "application": name, "is_valid": true, "user_id": id(g.app, p), "issued_at": g.issued.Unix(),
		"expires_at": ends.Unix(), "data_access_expires_at": ends.AddDate(0, 0, 30).Unix(), "scopes": g.scopes,
	}
	if p.Has("flipped") {
		data["expires_at"] = strconv.FormatInt(ends.Unix(), 10)
	}
	return map[string]any{"data": data}, http.StatusOK
}

// me is the profile of who the token is of.
func (s *Sim) me(r *http.Request) (any, int) {
	g, answer, status := s.holder(r)
	if answer != nil {
		return answer, status
	}
	which := r.PathValue("user")
	if which == "" {
		which = "me"
	}
	p, ok := s.find(g.app, which, g.person)
	if !ok || g.person != p.ID {
		return failed(100, 33, "GraphMethodException", "Unsupported get request."), http.StatusBadRequest
	}
	given, family, _ := strings.Cut(p.Name, " ")
	all := map[string]any{"id": id(g.app, p), "name": p.Name, "first_name": given, "last_name": family}
	if p.Email != "" && !p.Has("no_email") && slices.Contains(g.scopes, "email") {
		all["email"] = p.Email
	}
	all["picture"] = map[string]any{"data": map[string]any{
		"url": "https://platform-lookaside.fbsbx.com/example.jpg", "height": 50, "width": 50, "is_silhouette": p.Has("no_picture"),
	}}
	fields := provider.Words(r.Form.Get("fields"), ",")
	if len(fields) == 0 {
		fields = []string{"name"}
	}
	out := map[string]any{"id": all["id"]}
	for _, name := range fields {
		name, _, _ = strings.Cut(name, "{")
		if v, ok := all[name]; ok {
			out[name] = v
		} else if name != "email" {
			return wrong(0, "(#100) Tried accessing nonexisting field ("+name+")")
		}
	}
	return out, http.StatusOK
}

// about is the person in the path, for who may ask: the app, or the person's token.
func (s *Sim) about(r *http.Request) (p provider.Person, answer any, status int) {
	g, answer, status := s.holder(r)
	if answer != nil {
		return p, answer, status
	}
	p, ok := s.find(g.app, r.PathValue("user"), g.person)
	if !ok || g.person != "" && g.person != p.ID {
		return p, failed(100, 33, "GraphMethodException", "Unsupported request."), http.StatusBadRequest
	}
	return p, nil, 0
}

func (s *Sim) permissions(r *http.Request) (any, int) {
	p, answer, status := s.about(r)
	if answer != nil {
		return answer, status
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	out := []map[string]string{}
	for _, scope := range s.allowed[p.ID] {
		out = append(out, map[string]string{"permission": scope, "status": "granted"})
	}
	if s.refused[p.ID] {
		out = append(out, map[string]string{"permission": "email", "status": "declined"})
	}
	return map[string]any{"data": out}, http.StatusOK
}

// revoke takes one permission back, or all of them and the tokens with them.
func (s *Sim) revoke(r *http.Request) (any, int) {
	p, answer, status := s.about(r)
	if answer != nil {
		return answer, status
	}
	if which := r.PathValue("which"); which != "" {
		s.mu.Lock()
		s.allowed[p.ID] = slices.DeleteFunc(slices.Clone(s.allowed[p.ID]), func(scope string) bool { return scope == which })
		s.refused[p.ID] = s.refused[p.ID] || which == "email"
		s.mu.Unlock()
		return map[string]bool{"success": true}, http.StatusOK
	}
	s.Forget(p.ID)
	return map[string]bool{"success": true}, http.StatusOK
}
