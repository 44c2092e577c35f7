package api

// The examples of the document. A test reads each with the strict decoder into
// the type that it stands for, and finds nothing lost.

const (
	exampleID  = "AZqfK2x0b1y5c7d9e1f3gA"
	exampleKey = "mC1pB0x3Yk4v7uH2sQ9tJ6nW8rE5aZ0fLdGiOoTyKxU"

	exampleIdentify  = `{"type":"identify","inputs":["phone","email","username"],"country":"US","providers":[]}`
	exampleProviders = `{"type":"identify","inputs":["phone","username","provider"],"country":"CN","providers":[` +
		`{"provider":"wechat","nonce":"Xq3Lm5Np8Rt2Yc4Uf6Hj0Gs9Da1Eo3Ik5Pw7Vb9Xz1K","takes":["code"]},{"provider":"apple","nonce":"Xq3Lm5Np8Rt2Yc4Uf6Hj0Gs9Da1Eo3Ik5Pw7Vb9Xz1K","takes":["token"]}]}`
	exampleRedirect = `{"type":"redirect","inputs":["check","back"],"provider":"google","url":"https://id.example.com/federation/go/Kq1Lm5Np8Rt2Yc4Uf6Hj0Gs9Da1Eo3Ik5Pw7Vb9Xz1M",` +
		`"expires_at":"2026-11-22T10:10:00Z"}`
	exampleForeign = `{"type":"link_or_create","inputs":["link","create","back"],"provider":"wechat","name":"小林"}`
	exampleHint    = `{"type":"add_contact","inputs":["email","skip"],"kind":"email","country":"US","hint":"lin@example.com"}`
	exampleCode    = `{"type":"code","inputs":["code","resend","other_way","back"],"channel":"sms","to":"+86 138 **** 8000","length":6,` +
		`"expires_at":"2026-11-22T10:05:00Z","resend_at":"2026-11-22T10:01:00Z","sent_at":"2026-11-22T10:00:00Z","sends":1,"tries_left":5,` +
		`"delivery":{"state":"queued","at":"2026-11-22T10:00:00Z"}}`
	exampleDone = `{"type":"done","inputs":[],"account":{"id":"482109375564","nickname":""},"created":true,` +
		`"session":{"token":"sst_AABwP9Yszq4n8T3mV5xK1cR7wQ0eY2uI6oP9aS3dF5gH8jL1zX4","expires_at":"2026-12-06T10:01:00Z"},` +
		`"device":{"id":"q2VwzX8nT0m4rJ6yB1sKdA","token":"w9Vb3Xz7Kq1Lm5Np8Rt2Yc4Uf6Hj0Gs9Da1Eo3Ik5Pw"}}`
	exampleChoose = `{"type":"choose_method","inputs":["method"],"for":"set_password","why":["sensitive"],"proved":["sms_code"],` +
		`"methods":[{"method":"passkey"},{"method":"password"}],"unavailable":[]}`
	exampleProved = `{"type":"done","inputs":[],"account":{"id":"482109375564","nickname":"Lin"},"created":false,"result":"proved",` +
		`"session":{"token":"sst_AABwP9Yszq4n8T3mV5xK1cR7wQ0eY2uI6oP9aS3dF5gH8jL1zX4","expires_at":"2026-12-06T10:01:00Z"}}`
	exampleCredential = `{"id":"5Jd0y2mX7kq1Lm5Np8Rt2Q","rawId":"5Jd0y2mX7kq1Lm5Np8Rt2Q","type":"public-key","clientExtensionResults":{},` +
		`"response":{"clientDataJSON":"eyJ0eXBlIjoid2ViYXV0aG4uZ2V0In0","authenticatorData":"SZYN5YgOjGh0NBcPZHZgW4_krrmihjLHmVzzuoMdl2MFAAAAAQ","signature":"MEUCIQDX"}}`
	exampleMasked = `"phone":{"address":"+86 138 **** 8000","verified_at":"2026-11-22T10:01:00Z"}`
)

func journeyExample(step string) string {
	return `{"id":"` + exampleID + `","kind":"signin","expires_at":"2026-11-22T10:30:00Z","step":` + step + `}`
}

var (
	beginExamples = []example{{
		name: "signin", summary: "An app begins a sign-in",
		body:   `{"kind":"signin","region":"intl","locale":"en","device":{"name":"Pixel 9","kind":"phone"}}`,
		answer: `{"id":"` + exampleID + `","key":"` + exampleKey + `","kind":"signin","expires_at":"2026-11-22T10:30:00Z","step":` + exampleIdentify + `}`,
	}, {
		name: "known_device", summary: "A device that signed in before",
		body: `{"kind":"signin","device":{"token":"w9Vb3Xz7Kq1Lm5Np8Rt2Yc4Uf6Hj0Gs9Da1Eo3Ik5Pw"}}`,
	}, {
		name: "setup", summary: "A device is set up, in the region cn",
		body:   `{"kind":"signin","region":"cn","surface":"setup","device":{"name":"P70","kind":"phone"}}`,
		answer: `{"id":"` + exampleID + `","key":"` + exampleKey + `","kind":"signin","expires_at":"2026-11-22T10:30:00Z","step":` + exampleProviders + `}`,
	}, {
		name: "prove", summary: "A signed-in person proves more, for a change that asked for it", body: `{"kind":"prove","for":"set_password"}`,
		answer: `{"id":"` + exampleID + `","key":"` + exampleKey + `","kind":"prove","expires_at":"2026-11-22T10:30:00Z","step":` + exampleChoose + `}`,
	}, {
		name: "change_email", summary: "A signed-in person adds an e-mail address", body: `{"kind":"change_email"}`,
	}}
	answerExamples = []example{
		{name: "phone", summary: "Which account", body: `{"input":"phone","phone":"+8613800138000"}`, answer: journeyExample(exampleCode)},
		{name: "code", summary: "The code that arrived", body: `{"input":"code","code":"123456"}`, answer: journeyExample(exampleDone)},
		{name: "resend", summary: "Another code", body: `{"input":"resend"}`},
		{name: "username", summary: "By password", body: `{"input":"username","username":"4821 0937 5564"}`},
		{name: "password", summary: "The password", body: `{"input":"password","password":"correct horse battery"}`},
		{name: "method", summary: "One of the ways to prove", body: `{"input":"method","method":"passkey"}`},
		{name: "passkey", summary: "A passkey", body: `{"input":"passkey","credential":` + exampleCredential + `}`,
			answer: `{"id":"` + exampleID + `","kind":"prove","expires_at":"2026-11-22T10:30:00Z","step":` + exampleProved + `}`},
		{name: "app", summary: "The code of an authenticator app, or a recovery code", body: `{"input":"code","code":"492 039"}`},
		{name: "answers", summary: "The answers to the security questions", body: `{"input":"answers","answers":["Lisbon","Miss Sato","a red bicycle"]}`},
		{name: "provider", summary: "By a third-party account, in a browser", body: `{"input":"provider","provider":"google"}`, answer: journeyExample(exampleRedirect)},
		{name: "provider_native", summary: "The same with the code that the provider's SDK gave", body: `{"input":"provider","provider":"wechat","code":"061xKq0w3dXy"}`, answer: journeyExample(exampleForeign)},
		{name: "create", summary: "There is no account yet", body: `{"input":"create"}`, answer: journeyExample(exampleHint)},
		{name: "link", summary: "There is one: it is proved next", body: `{"input":"link"}`},
		{name: "check", summary: "Has the device answered?", body: `{"input":"check"}`},
		{name: "wait", summary: "Time stands in for what is missing", body: `{"input":"wait"}`},
	}
	showExamples    = []example{{name: "code", summary: "A code is on its way", answer: journeyExample(exampleCode)}}
	sessionExamples = []example{{name: "session", answer: `{"account":{"id":"482109375564","state":"active","nickname":"Lin"},` +
		`"device":{"id":"q2VwzX8nT0m4rJ6yB1sKdA","name":"Pixel 9","kind":"phone","place":"Berlin, Germany"},` +
		`"proved":[{"method":"sms_code","at":"2026-11-22T10:01:00Z"}],"created_at":"2026-11-22T10:01:00Z","expires_at":"2026-12-06T10:01:00Z"}`}}
	exampleAccount = `{"id":"482109375564","state":"active","region":"intl","locale":"en","nickname":"Lin","avatar":"/api/v1/account/avatar",` +
		`"created_at":"2026-11-22T10:01:00Z",` + exampleMasked + `,"linked":[{"provider":"apple","name":"Lin","linked_at":"2026-11-22T10:01:00Z"}],"methods":[{"method":"sms_code","on":true},{"method":"email_code","on":false},{"method":"password","on":false}]}`
	accountExamples  = []example{{name: "account", answer: exampleAccount}}
	changeExamples   = []example{{name: "nickname", summary: "A nickname", body: `{"nickname":"Lin"}`, answer: exampleAccount}, {name: "no_picture", summary: "No picture any more", body: `{"avatar":""}`}}
	contactsExamples = []example{{name: "contacts", answer: `{"phone":{"address":"+8613800138000","verified_at":"2026-11-22T10:01:00Z"}}`}}
	passwordExamples = []example{{name: "password", summary: "A new password", body: `{"new_password":"correct horse battery","keep_others":false}`}}
	methodsExamples  = []example{{name: "methods", answer: `{"methods":[{"method":"sms_code","state":"on","to":"+86 138 **** 8000","since":"2026-11-22T10:01:00Z"},` +
		`{"method":"email_code","state":"unavailable","reason":"no_email"},{"method":"password","state":"off"},` +
		`{"method":"recovery_code","state":"on","since":"2026-11-22T10:01:00Z","count":10}],"two_step":{"on":true,"since":"2026-11-22T10:01:00Z"},"sms_protection":{"on":false}}`}}
	twoStepExamples = []example{{name: "on", summary: "On", body: `{"on":true}`, answer: `{"on":true,"recovery_codes":["ABCD-EFGH-JKMN-PQRS"]}`}, {name: "off", summary: "Off", body: `{"on":false}`, answer: `{"on":false}`}}
	switchExamples  = []example{{name: "on", summary: "On", body: `{"on":true}`}}
	trustExamples   = []example{{name: "trust", summary: "Trust this device", body: `{"trusted":true}`}}
	promptsExamples = []example{{name: "asked", answer: `{"prompts":[{"id":"AZqfK2x0c8w2u4i6o8p0aQ","purpose":"sign_in","choices":["47","81","23"],"device":"Firefox on Linux","kind":"browser","place":"Berlin, Germany",` +
		`"created_at":"2026-11-22T10:01:00Z","expires_at":"2026-11-22T10:03:00Z"}]}`}}
	promptAnswerExamples = []example{{name: "approve", summary: "It is me", body: `{"answer":"approve","number":"47"}`, answer: `{"state":"approved"}`},
		{name: "deny", summary: "It is not me", body: `{"answer":"deny"}`, answer: `{"state":"denied"}`}}
	devicesExamples = []example{{name: "devices", answer: `{"devices":[{"id":"q2VwzX8nT0m4rJ6yB1sKdA","name":"Pixel 9","kind":"phone","place":"Berlin, Germany","current":true,"signed_in":true,` +
		`"created_at":"2026-11-22T10:01:00Z","used_at":"2026-11-22T10:01:00Z"}]}`}}
	endedExamples    = []example{{name: "ended", answer: `{"ended":2}`}}
	activityExamples = []example{{name: "activity", answer: `{"activity":[{"id":"AZqfK2x0c8w2u4i6o8p0aQ","kind":"signed_in","at":"2026-11-22T10:01:00Z","device_id":"q2VwzX8nT0m4rJ6yB1sKdA",` +
		`"details":{"device":"Pixel 9","method":"sms_code"}}]}`}}
)
