// Optional: keeps the page fresh, copies codes, shows times in the reader's
// zone. Everything works without it.
'use strict';
(() => {
  const lang = document.documentElement.lang;
  const shift = { ms: 0 };

  const tell = (root) => {
    for (const t of root.querySelectorAll('time[datetime]')) {
      const at = new Date(t.dateTime);
      if (t.hasAttribute('data-ticks')) { shift.ms = at - Date.now(); continue; }
      const today = new Date(Date.now() + shift.ms).toDateString() === at.toDateString();
      t.textContent = today
        ? at.toLocaleTimeString(lang, { hour: '2-digit', minute: '2-digit' })
        : at.toLocaleString(lang, { dateStyle: 'medium', timeStyle: 'short' });
    }
    for (const b of root.querySelectorAll('button[data-copy]')) b.hidden = !navigator.clipboard;
  };

  const tick = () => {
    for (const t of document.querySelectorAll('time[data-ticks]')) {
      t.textContent = new Date(Date.now() + shift.ms).toLocaleString(lang, { dateStyle: 'full', timeStyle: 'medium' });
    }
  };

  const live = new Map();
  for (const e of document.querySelectorAll('[data-live]')) live.set(e.id, e.innerHTML);

  const refresh = async () => {
    if (document.hidden) return;
    const answer = await fetch(location.href, { headers: { 'If-None-Match': '"' + document.body.dataset.version + '"' } });
    if (answer.status !== 200) return;
    const next = new DOMParser().parseFromString(await answer.text(), 'text/html');
    document.body.dataset.version = next.body.dataset.version;
    for (const e of next.querySelectorAll('[data-live]')) {
      const mine = document.getElementById(e.id);
      if (!mine || live.get(e.id) === e.innerHTML) continue;
      live.set(e.id, e.innerHTML);
      mine.replaceChildren(...e.childNodes);
      tell(mine);
    }
  };

  document.addEventListener('click', async (e) => {
    const b = e.target.closest('button[data-copy]');
    if (!b) return;
    await navigator.clipboard.writeText(b.dataset.copy);
    const words = b.querySelector('span'), before = words.textContent;
    words.textContent = b.dataset.done;
    setTimeout(() => { words.textContent = before; }, 1500);
  });

  tell(document);
  tick();
  setInterval(tick, 1000);
  setInterval(() => refresh().catch(() => {}), 1500);
})();
