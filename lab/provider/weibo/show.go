package weibo

import (
	"encoding/hex"
	"encoding/json"
	"net/http"

	"github.com/selfsame-id/selfsame/lab/provider"
)

type userAnswer struct {
	ID          any    `json:"id"`
	IDStr       string `json:"idstr"`
	ScreenName  string `json:"screen_name"`
	Name        string `json:"name"`
	Location    string `json:"location"`
	Description string `json:"description"`
	URL         string `json:"url"`
	Picture     string `json:"profile_image_url"`
	Large       string `json:"avatar_large"`
	HD          string `json:"avatar_hd"`
	Domain      string `json:"domain"`
	Gender      string `json:"gender"`
	Followers   int    `json:"followers_count"`
	CreatedAt   string `json:"created_at"`
	Verified    bool   `json:"verified"` // famous, which says nothing of an address
	Status      struct {
		Text string `json:"text"`
	} `json:"status"`
}

// show tells of anybody by uid: they are public.
func (s *Sim) show(r *http.Request) (any, int) {
	_, _, _, code := s.holder(r)
	who, there := s.find(r.Form.Get("uid"))
	switch {
	case code != 0:
		return nil, code
	case r.Form.Get("uid") == "":
		return nil, 10008
	case !there:
		return nil, 20003
	}
	a := userAnswer{
		ID: json.Number(uid(who.ID)), IDStr: uid(who.ID), ScreenName: who.Name, Name: who.Name,
		Gender: "n", CreatedAt: "Fri Aug 28 00:00:00 +0800 2009",
	}
	if who.Has("flipped") {
		a.ID = uid(who.ID)
	}
	if !who.Has("no_picture") {
		picture := "https://tvax.example.test/crop." + hex.EncodeToString(provider.Derive("picture", who.ID)[:8])
		a.Picture, a.Large, a.HD = picture+".50", picture+".180", picture+".1024"
	}
	return a, 0
}
