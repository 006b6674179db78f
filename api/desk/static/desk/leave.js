// Leaves by the page's own quick exit when Shift alone is pressed three times within 1.5 seconds.
// The button does the same without script. It asks the network for nothing and keeps nothing.
"use strict";

(() => {
  const PRESSES = 3;
  const WITHIN_MS = 1_500;
  const form = document.querySelector("form.leave");
  const words = document.getElementById("leave-keys");
  const page = document.documentElement;
  let times = [];
  let alone = false; // Shift is down, and nothing else was touched since

  function startAgain() {
    times = [];
    alone = false;
  }

  function leave() {
    page.hidden = true; // at once; the next page may take a moment
    form.submit();
  }

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Shift") startAgain(); // a capital letter, or a shortcut
    else if (!event.repeat) alone = true;
  });

  document.addEventListener("keyup", (event) => {
    if (event.key !== "Shift" || !alone) return;
    alone = false;
    const now = performance.now();
    times = [...times.filter((time) => now - time < WITHIN_MS), now];
    if (times.length >= PRESSES) leave();
  });

  document.addEventListener("pointerdown", startAgain);
  addEventListener("pageshow", () => (page.hidden = false)); // a page that the browser brings back

  words.hidden = false;
  form.querySelector("button").setAttribute("aria-describedby", words.id);
})();
