// The code page: a pasted message becomes its code, a code that arrives whole
// goes on by itself, and the delivery line is kept up to date.
const input = document.getElementById("code");
const length = Number(input.dataset.length);
const digits = (text) => text.replace(/[０-９]/g, (d) => String.fromCharCode(d.charCodeAt(0) - 0xfee0));
const find = (text) => {
  const bare = digits(text).replace(/[\s.\-\u200b]/g, "");
  if (/^\d+$/.test(bare)) return bare;
  return digits(text).split(/\D+/).find((run) => run.length === length);
};
function arrived(text) {
  const code = find(text);
  if (!code) return false;
  input.value = code;
  if (code.length === length) input.form.requestSubmit();
  return true;
}
input.addEventListener("paste", (e) => {
  if (arrived(e.clipboardData.getData("text"))) e.preventDefault();
});
let before = "";
input.addEventListener("input", () => {
  // Autofill puts in the whole code at once; a person types one digit at a time.
  if (input.value.length - before.length >= length) arrived(input.value);
  before = input.value;
});

// One tap on Android (WebOTP): the text's last line is bound to our domain.
if ("OTPCredential" in window) {
  const stop = new AbortController();
  input.form.addEventListener("submit", () => stop.abort());
  navigator.credentials.get({ otp: { transport: ["sms"] }, signal: stop.signal }).then((otp) => arrived(otp.code), () => {});
}

const line = document.querySelector("[data-delivery]");
const said = document.getElementById("delivery");
for (const link of line.querySelectorAll("[data-no-script]")) link.hidden = true;
let asked = 0;
async function ask() {
  if (document.hidden) return void setTimeout(ask, 2000);
  try {
    const answer = await (await fetch(line.dataset.delivery, { headers: { Accept: "application/json" } })).json();
    if (answer.state === "over") return; // the next submit says where the journey is
    line.dataset.state = answer.state;
    if (said.textContent !== answer.text) said.textContent = answer.text;
    if (answer.final) return;
  } catch {
    // The line stays as it is; the next try may work.
  }
  if (++asked < 60) setTimeout(ask, asked < 8 ? 2000 : 5000);
}
if (line.dataset.state !== "delivered" && line.dataset.state !== "failed") setTimeout(ask, 1500);
