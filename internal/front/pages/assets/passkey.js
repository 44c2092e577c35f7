// Passkeys (WebAuthn Level 3). A form with data-passkey asks the server for
// options, the browser for a credential, and posts that in its hidden field.
// Nothing here is trusted: the server checks all of it again. What it shows is
// hidden without a script; the page has other ways.
const api = window.PublicKeyCredential;
const able = api?.parseRequestOptionsFromJSON && api.parseCreationOptionsFromJSON && !/^[\d.]+$|:/.test(location.hostname);
const refused = new Error("refused");
let waiting; // what was offered by autofill: a browser takes one request at a time

async function options(form, signal) {
  const answer = await fetch(form.dataset.from, { method: "POST", body: new URLSearchParams(new FormData(form)), headers: { Accept: "application/json" }, signal });
  if (!answer.ok) throw refused;
  return (await answer.json()).options;
}

function send(form, credential) {
  form.elements.credential.value = JSON.stringify(credential);
  form.requestSubmit();
}

async function ask(form) {
  const [button, said] = [form.querySelector("[data-go]"), form.querySelector("[data-said]")];
  const { cancelled, known, failed, passkey } = form.dataset;
  waiting?.abort();
  said.textContent = "";
  button.setAttribute("aria-busy", "true");
  try {
    const asked = await options(form);
    if (!asked) throw refused;
    const credential = passkey === "create"
      ? await navigator.credentials.create({ publicKey: api.parseCreationOptionsFromJSON(asked) })
      : await navigator.credentials.get({ publicKey: api.parseRequestOptionsFromJSON(asked) });
    return send(form, credential);
  } catch (e) {
    if (e === refused) return form.requestSubmit(); // the server says why
    said.textContent = { NotAllowedError: cancelled, AbortError: cancelled, InvalidStateError: known }[e.name] || failed;
  }
  button.removeAttribute("aria-busy");
  offer(form);
}

// Autofill: the browser lists passkeys in the field. The challenge lives five
// minutes, so another is fetched before.
async function offer(form) {
  if (!("autofill" in form.dataset) || document.hidden || !(await api.isConditionalMediationAvailable?.())) return;
  waiting?.abort();
  const mine = (waiting = new AbortController());
  const again = setTimeout(() => offer(form), 230_000);
  mine.signal.addEventListener("abort", () => clearTimeout(again));
  try {
    const asked = await options(form, mine.signal);
    if (asked) send(form, await navigator.credentials.get({ mediation: "conditional", publicKey: api.parseRequestOptionsFromJSON(asked), signal: mine.signal }));
  } catch {
    // Nobody chose one, or the server does not offer it now: the other ways stay.
  }
}

for (const form of able ? document.querySelectorAll("form[data-passkey]") : []) {
  for (const e of [form, form.closest("[hidden]"), form.querySelector("[data-go]")]) if (e) e.hidden = false;
  for (const e of document.querySelectorAll("[data-no-passkey]")) e.hidden = true;
  form.querySelector("[data-go]").addEventListener("click", () => ask(form));
  offer(form);
  document.addEventListener("visibilitychange", () => offer(form));
  addEventListener("pageshow", (e) => { if (e.persisted) offer(form); });
}
// A journey that the server begins for autofill must not outrun what was typed.
document.addEventListener("submit", () => waiting?.abort(), true);
