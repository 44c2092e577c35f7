// The page that waits for an answer on another device: it looks every two seconds
// and goes on by itself.
const form = document.querySelector("[data-ask]");
const go = () => form.requestSubmit(form.querySelector("button[value=check]"));
async function look() {
  if (!document.hidden) {
    try {
      const { state } = await (await fetch(form.dataset.ask, { headers: { Accept: "application/json" } })).json();
      if (state === "approved") return go();
      if (state !== "waiting") return location.reload();
    } catch {
      // The next look may work.
    }
  }
  setTimeout(look, 2000);
}
// A box that is to be ticked first is not taken away from under the pointer.
if (form.dataset.state === "waiting") setTimeout(look, 2000);
else if (!form.querySelector("input[name=trust]")) go();
