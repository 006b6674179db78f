// Keeps what is typed on the server, sealed, until the form is sent (api/desk/unfinished_forms.py).
// The device keeps nothing. Without this script a form is kept only when it is sent.
"use strict";

(() => {
  const form = document.querySelector("form[data-keeps]");
  const status = document.getElementById("kept");
  if (!form || !status) return;
  const QUIET_MS = 2_000; // after the last key
  const AGAIN_MS = 10_000; // after a failure
  let timer = 0;
  let changed = false;
  let sending = null;

  function say(text) {
    if (status.textContent !== text) status.textContent = text;
  }

  function later(wait) {
    clearTimeout(timer);
    timer = setTimeout(keep, wait);
  }

  async function keep() {
    clearTimeout(timer);
    if (!changed) return;
    if (sending) return later(QUIET_MS);
    changed = false;
    sending = new AbortController();
    const body = new URLSearchParams(new FormData(form));
    body.set("for", form.dataset.keeps);
    try {
      const options = { method: "POST", body, redirect: "manual", keepalive: true };
      const answer = await fetch(status.dataset.url, { ...options, signal: sending.signal });
      if (answer.status === 204) {
        say(status.dataset.kept);
        document.dispatchEvent(new Event("used")); // static/desk/lock.js
      } else if (answer.status === 401) say(status.dataset.out);
      else if (answer.status === 409) say(status.dataset.first);
      else throw new Error(String(answer.status));
    } catch (error) {
      if (error.name === "AbortError") return;
      changed = true;
      say(status.dataset.not);
      later(AGAIN_MS);
    } finally {
      sending = null;
    }
  }

  form.addEventListener("input", () => {
    changed = true;
    later(QUIET_MS);
  });
  addEventListener("online", keep);
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) keep();
  });
  form.addEventListener("submit", (event) => {
    clearTimeout(timer);
    if (!navigator.onLine) {
      event.preventDefault(); // the browser would leave the page for one of its own
      changed = true;
      say(status.dataset.not);
      return later(AGAIN_MS);
    }
    changed = false; // what is sent needs no keeping
    sending?.abort();
  });
})();
