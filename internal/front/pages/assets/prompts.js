// Account pages hear of a question at once. Only a page that is looked at
// listens: a browser has few connections to one site.
const banner = document.getElementById("asked");
const page = document.querySelector("[data-prompt-page]");
let stream;
function heard(e) {
  const asked = JSON.parse(e.data).prompts.map((p) => p.id).join();
  if (page) {
    const shown = page.querySelector("input[name=prompt]")?.value ?? "";
    if (asked !== shown) location.replace("/account/prompt");
  } else if (banner) banner.hidden = asked === "";
}
function listen() {
  if (document.hidden) {
    stream?.close();
    stream = undefined;
  } else if (!stream) {
    stream = new EventSource("/api/v1/prompts/events");
    stream.addEventListener("prompts", heard);
    stream.addEventListener("end", () => stream.close());
  }
}
document.addEventListener("visibilitychange", listen);
// What is being answered is changed by that: the answer's page is on its way.
document.addEventListener("submit", () => stream?.close());
addEventListener("pagehide", () => stream?.close());
listen();
