// What a page does better with a script: times in the reader's zone, waits that
// count down, passwords that can be looked at, forms that are sent once.
// Everything here has a way without it.
const lang = document.documentElement.lang;
const form = (options) => new Intl.DateTimeFormat(lang, options);
const clock = form({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const day = form({ day: "numeric", month: "long", year: "numeric" });
const dayClock = form({ day: "numeric", month: "long", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

for (const t of document.querySelectorAll("time[data-form]")) {
  const at = new Date(t.dateTime);
  const today = at.toDateString() === new Date().toDateString();
  const text = { clock: () => clock.format(at), day: () => day.format(at), at: () => (today ? clock : dayClock).format(at) }[t.dataset.form];
  if (text) t.textContent = text();
  else t.title = dayClock.format(at);
}

// The server's clock leads: the reader's may be wrong by minutes.
const served = performance.timeOrigin + performance.now();
const ahead = Date.parse(document.documentElement.dataset.now) - served;
export const now = () => (Number.isNaN(ahead) ? Date.now() : performance.timeOrigin + performance.now() + ahead);

const unit = (n, unit) => new Intl.NumberFormat(lang, { style: "unit", unit, unitDisplay: "long" }).format(n);
const wait = (seconds) => {
  if (seconds < 120) return unit(seconds, "second");
  const minutes = Math.ceil(seconds / 60);
  return minutes < 120 ? unit(minutes, "minute") : minutes < 4320 ? unit(Math.ceil(minutes / 60), "hour") : unit(Math.ceil(minutes / 1440), "day");
};
const waits = [...document.querySelectorAll("[data-left]")];
const held = [...document.querySelectorAll("[data-not-before]")];
function tick() {
  for (const w of waits) {
    const left = Math.ceil((Date.parse(w.dataset.left) - now()) / 1000);
    const over = left <= 0 && w.closest(".fault")?.querySelector("[data-over]");
    if (over && !over.textContent) {
      w.closest("p").hidden = true;
      over.textContent = over.dataset.over;
    }
    if (left > 86400 && !("plain" in w.dataset)) w.textContent = "";
    else w.textContent = left <= 0 ? ("plain" in w.dataset ? wait(0) : "") : "plain" in w.dataset ? wait(left) : "(" + wait(left) + ")";
  }
  for (const b of held) {
    const early = Date.parse(b.dataset.notBefore) > now();
    b.setAttribute("aria-disabled", early);
    const note = b.querySelector("[data-clock]");
    if (note) note.hidden = !early;
  }
  if (waits.length + held.length) setTimeout(tick, 1000 - (now() % 1000));
}
tick();

for (const box of document.querySelectorAll("[data-reveal]")) {
  const input = box.querySelector("input");
  const button = Object.assign(document.createElement("button"), { type: "button", className: "side", textContent: box.dataset.reveal });
  button.setAttribute("aria-controls", input.id);
  button.setAttribute("aria-pressed", "false");
  button.addEventListener("click", () => {
    const shown = input.type === "text";
    input.type = shown ? "password" : "text";
    button.textContent = shown ? box.dataset.reveal : box.dataset.conceal;
    button.setAttribute("aria-pressed", String(!shown));
    input.focus();
  });
  box.append(button);
  const hide = () => { if (input.type === "text") button.click(); };
  input.form.addEventListener("submit", hide);
  const caps = box.parentElement.querySelector("[data-caps]");
  input.addEventListener("keyup", (e) => { if (e.getModifierState) caps.hidden = !e.getModifierState("CapsLock"); });
  input.addEventListener("blur", () => { caps.hidden = true; });
}

for (const meter of document.querySelectorAll("[data-length-of]")) {
  const input = document.getElementById(meter.dataset.lengthOf);
  const [bar, text] = [meter.querySelector("progress"), meter.querySelector("p")];
  input.addEventListener("input", () => {
    const have = [...input.value.normalize("NFC")].length;
    meter.hidden = have === 0;
    bar.value = Math.min(have, bar.max);
    text.textContent = (have < Number(meter.dataset.min) ? meter.dataset.short : meter.dataset.enough).replace("%n", have);
  });
}

// The country matters only where the username is a number without "+".
for (const box of document.querySelectorAll("[data-only-phone]")) {
  const input = document.getElementById("username");
  const look = () => { box.hidden = !/^[\d\s().-]{5,}$/.test(input.value.trim()) || /^\d{4}\s?\d{4}\s?\d{4}$/.test(input.value.trim()); };
  input.addEventListener("input", look);
  look();
}

// A form is sent once; a button that waits is not pressed at all.
document.addEventListener("submit", (e) => {
  const pressed = e.submitter;
  if (e.target.dataset.sent || pressed?.getAttribute("aria-disabled") === "true") return e.preventDefault();
  e.target.dataset.sent = "1";
  pressed?.setAttribute("aria-busy", "true");
});
addEventListener("pageshow", (e) => {
  if (!e.persisted) return;
  for (const f of document.forms) { delete f.dataset.sent; }
  for (const b of document.querySelectorAll("[aria-busy]")) b.removeAttribute("aria-busy");
});

const first = document.querySelector("[autofocus]");
if (first && document.activeElement !== first) first.focus();
