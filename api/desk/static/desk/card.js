// A page that waits for someone else, as of a notice by a card or of a signature: looks by itself
// whether something has changed, and shows it. The page works without it, by its link "Look again".
"use strict";

(() => {
  const { state, every } = document.currentScript.dataset;

  async function look() {
    if (document.hidden) return;
    try {
      const answer = await fetch(location.href, { headers: { "X-Background": "1" }, redirect: "manual" });
      if (!answer.ok) return;
      const fetched = new DOMParser().parseFromString(await answer.text(), "text/html");
      const now = fetched.querySelector("script[data-state]")?.dataset.state;
      if (now !== state) location.reload();
    } catch {
      // no connection just now: the next look may have one
    }
  }

  setInterval(look, Number(every) * 1000);
})();
