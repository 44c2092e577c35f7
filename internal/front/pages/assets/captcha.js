// Where the proof of work cannot run, the picture opens by itself.
const picture = document.querySelector("details.instead");
for (const widget of document.querySelectorAll("altcha-widget")) {
  widget.addEventListener("statechange", (e) => {
    if (e.detail.state === "error") picture.open = true;
  });
}
