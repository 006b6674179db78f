// Shows the lock page once this page was not used for as long as the server waits. The server locks
// by itself; this hides what is on the screen. It asks the network for nothing else.
"use strict";

(() => {
  const { page, after } = document.currentScript.dataset;
  const WAIT_MS = (Number(after) + 1) * 1_000; // the server has locked by then
  const EVERY_MS = 5_000;
  let used = Date.now();

  function look() {
    if (Date.now() - used < WAIT_MS) return;
    document.documentElement.hidden = true;
    if (!navigator.onLine) return; // hidden until the line is back, with what was typed
    lock();
  }

  function lock() {
    document.documentElement.hidden = true;
    used = Date.now();
    location.replace(`${page}?next=${encodeURIComponent(location.pathname + location.search)}`);
  }

  try {
    new BroadcastChannel("lock").onmessage = lock; // the screen was handed over (sign.js)
  } catch {
    // an old browser: this page locks when it is used
  }
  document.addEventListener("used", () => (used = Date.now())); // what was typed has been kept
  document.addEventListener("visibilitychange", look);
  addEventListener("pageshow", look);
  setInterval(look, EVERY_MS); // a computer that slept makes up for no time: the clock is asked
})();
