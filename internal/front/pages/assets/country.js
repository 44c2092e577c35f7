// The country picker: the page's own select becomes a combobox that finds a
// country by name or code (WAI-ARIA Authoring Practices, "Editable Combobox With
// List Autocomplete"). The select stays and is what the form sends.
const plain = (s) => s.normalize("NFD").replace(/[\u0300-\u036f]/g, "").toLowerCase();

for (const box of document.querySelectorAll("[data-country]")) {
  const select = box.querySelector("select");
  const label = box.querySelector("label");
  const options = [...select.options].map((o) => ({ value: o.value, text: o.text, code: "+" + o.dataset.code, name: o.text.replace(/ \+\d+$/, ""), find: plain(o.text) + " " + o.value.toLowerCase() }));
  const input = Object.assign(document.createElement("input"), { type: "text", id: "country-text", className: "input", autocomplete: "off", spellcheck: false });
  const list = Object.assign(document.createElement("ul"), { id: "country-list", className: "combo-list", hidden: true });
  const count = Object.assign(document.createElement("p"), { className: "offscreen" });
  const attrs = { role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": list.id };
  for (const [k, v] of Object.entries(attrs)) input.setAttribute(k, v);
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", label.textContent);
  count.setAttribute("role", "status");
  let shown = [];
  let active = -1;
  let took = false;

  const chosen = () => options.find((o) => o.value === select.value) ?? options[0];
  const settle = () => { input.value = chosen().text; };
  const open = () => !list.hidden;

  function mark(i) {
    active = i;
    [...list.children].forEach((li, n) => li.setAttribute("aria-selected", String(n === i)));
    const li = list.children[i];
    if (li && shown.length) { input.setAttribute("aria-activedescendant", li.id); li.scrollIntoView({ block: "nearest" }); }
    else input.removeAttribute("aria-activedescendant");
  }
  function show(filter) {
    const words = plain(filter).replace(/^(\+|00)\s*/, "+").split(/\s+/).filter(Boolean);
    shown = options.filter((o) => words.every((w) => (/^\+?\d+$/.test(w) ? o.code.startsWith("+" + w.replace("+", "")) : o.find.includes(w))));
    if (words.length === 1 && words[0] !== "+") shown.sort((a, b) => Number(!a.find.startsWith(words[0])) - Number(!b.find.startsWith(words[0])));
    list.replaceChildren(...shown.map((o, i) => {
      const li = document.createElement("li");
      li.id = "country-" + i;
      li.setAttribute("role", "option");
      const [name, code] = [document.createElement("span"), document.createElement("span")];
      name.textContent = o.name;
      code.textContent = o.code;
      code.className = "num muted";
      li.append(name, " ", code);
      return li;
    }));
    if (!shown.length) {
      const li = Object.assign(document.createElement("li"), { className: "none", textContent: box.dataset.none });
      li.setAttribute("role", "option");
      li.setAttribute("aria-disabled", "true");
      list.append(li);
    }
    list.hidden = false;
    input.setAttribute("aria-expanded", "true");
    count.textContent = filter ? (shown.length ? box.dataset.found.replace("0", shown.length) : box.dataset.none) : "";
    mark(filter ? (shown.length ? 0 : -1) : shown.indexOf(chosen()));
  }
  function close() {
    list.hidden = true;
    active = -1;
    count.textContent = "";
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  }
  function pick(o) {
    if (o) select.value = o.value;
    settle();
    close();
  }

  input.addEventListener("focus", () => input.select());
  input.addEventListener("click", () => { if (!open()) { input.select(); show(""); } });
  input.addEventListener("input", () => show(input.value));
  input.addEventListener("blur", () => { if (open()) pick(input.value !== chosen().text ? shown[active] : null); else settle(); });
  input.addEventListener("keydown", (e) => {
    const last = shown.length - 1;
    const keys = {
      ArrowDown: () => (open() ? mark(active < last ? active + 1 : 0) : show("")),
      ArrowUp: () => (open() ? mark(active > 0 ? active - 1 : last) : show("")),
      Enter: () => (open() ? pick(shown[active]) : false),
      Escape: () => (open() ? pick(null) : (settle(), input.select())),
      PageDown: () => open() && mark(Math.min(active + 8, last)),
      PageUp: () => open() && mark(Math.max(active - 8, 0)),
    };
    if (e.isComposing || e.ctrlKey || e.metaKey) return;
    if (e.key === "ArrowDown" && e.altKey) { e.preventDefault(); return void (open() || show("")); }
    took = keys[e.key] && keys[e.key]() !== false;
    if (took) e.preventDefault();
  });
  // Enter that took a country must not send the form, however the key arrives.
  input.addEventListener("keypress", (e) => { if (took && e.key === "Enter") e.preventDefault(); });
  list.addEventListener("pointerdown", (e) => e.preventDefault()); // keep the focus in the field
  list.addEventListener("click", (e) => {
    const i = [...list.children].indexOf(e.target.closest("[role=option]"));
    if (shown[i]) { pick(shown[i]); input.focus(); }
  });

  label.htmlFor = input.id;
  const combo = Object.assign(document.createElement("div"), { className: "combo" });
  select.hidden = true;
  select.before(combo);
  combo.append(input, list, count);
  settle();

  // A number typed with its code moves the picker along.
  document.getElementById("phone")?.addEventListener("change", (e) => {
    const digits = e.target.value.replace(/[^\d+]/g, "").replace(/^00/, "+");
    if (!digits.startsWith("+")) return;
    const fits = options.filter((o) => digits.startsWith(o.code)).sort((a, b) => b.code.length - a.code.length);
    if (fits.length && !fits.some((o) => o.value === select.value && o.code === fits[0].code)) pick(fits[0]);
  });
}
