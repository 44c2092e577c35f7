// Starts the proof of work of every <altcha-widget data-worker="..."> on the page
// and goes on with its form when it is done. Load after altcha.min.js.
for (const widget of document.querySelectorAll("altcha-widget[data-worker]")) {
  const form = widget.closest("form");
  const press = (id) => {
    const button = document.getElementById(id ?? "");
    if (button) form.requestSubmit(button);
  };
  $altcha.algorithms.set("PBKDF2/SHA-256", () => new Worker(widget.dataset.worker));
  widget.addEventListener("statechange", (event) => {
    // A turn later, because the widget writes its hidden field after the event.
    if (event.detail.state === "verified") setTimeout(press, 0, widget.dataset.done);
    // No secure context, no worker, no WebCrypto: the other way, never a dead end.
    if (event.detail.state === "error") setTimeout(press, 0, widget.dataset.otherwise);
  });
  widget.setAttribute("configuration", JSON.stringify({
    hideFooter: true,
    hideLogo: true,
    humanInteractionSignature: false, // do not watch the pointer
    minDuration: 0,
    timeout: 120000,
  }));
  // Only now: the widget would begin before the worker above is known.
  widget.setAttribute("auto", "onload");
}
