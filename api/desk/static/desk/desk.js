// Makes times move, keeps the inbox up to date, and adds keys, a sound and a notification to it.
// Every page works without it. It shows only what the server sent. On the device it keeps three
// choices, yes or no, and nothing else.
"use strict";

(() => {
  const words = document.currentScript.dataset;
  const EVERY_MS = 30_000;
  const page = document.documentElement;
  let ahead = Date.now() / 1000 - Number(words.now); // this clock, against the server's

  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);

  // The same as api/desk/times.py does.
  function timeLeft(seconds) {
    const late = seconds <= 0;
    const minutes = Math.floor(Math.abs(seconds) / 60);
    if (minutes < 1) return late ? words.dueNow : words.soon;
    const hours = Math.floor(minutes / 60);
    let length = fill(words.minutes, { minutes });
    if (minutes >= 2 * 1440) length = fill(words.days, { days: Math.floor(minutes / 1440) });
    else if (hours >= 1) length = fill(words.hours, { hours, minutes: minutes % 60 });
    return fill(late ? words.overdue : words.left, { time: length });
  }

  function tick() {
    const now = Date.now() / 1000 - ahead;
    for (const one of document.querySelectorAll("[data-due]")) {
      const left = Number(one.dataset.due) - now;
      const text = timeLeft(left);
      if (one.textContent !== text) one.textContent = text;
      one.classList.toggle("late", left <= 0);
    }
  }

  page.classList.add("live");
  setInterval(tick, 5_000);

  const list = () => document.getElementById("list");
  if (!list()) return;

  // -- The list keeps itself up to date ----------------------------------------------------------

  let last = "";
  let asked = Date.now();

  function say(text) {
    const status = document.getElementById("status");
    if (status.textContent !== text) status.textContent = text;
  }

  function show(fetched) {
    const focused = document.activeElement?.closest("#list a")?.getAttribute("href");
    for (const name of ["tabs", "list"]) {
      document.getElementById(name).replaceWith(fetched.getElementById(name));
    }
    document.title = fetched.title;
    ahead = Date.now() / 1000 - Number(fetched.querySelector("script[data-now]").dataset.now);
    if (focused) list().querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
    tick();
  }

  async function refresh() {
    if (document.hidden && !chosen.sound && !chosen.notify) return;
    asked = Date.now();
    try {
      // The server does not count a request with this header as use: the idle lock stays.
      const headers = { "X-Background": "1" };
      const answer = await fetch(location.href, { headers, redirect: "manual" });
      if (answer.type === "opaqueredirect") return location.reload(); // signed out meanwhile
      if (!answer.ok) throw new Error(String(answer.status));
      const text = await answer.text();
      const fetched = new DOMParser().parseFromString(text, "text/html");
      const found = fetched.getElementById("list");
      if (!found) return location.reload();
      if (found.innerHTML !== last) show(fetched);
      last = found.innerHTML;
      say(words.updates);
      announce();
    } catch {
      say(words.stale);
    }
  }

  // -- What this device does: only what was chosen on it ------------------------------------------

  const device = document.getElementById("device");
  const silent = document.getElementById("silent");
  const STORED = "device";
  const chosen = { sound: false, notify: false, keys: true };
  let audio = null;

  function readChoices() {
    try {
      const kept = JSON.parse(localStorage.getItem(STORED)) ?? {};
      for (const name of Object.keys(chosen)) if (name in kept) chosen[name] = kept[name] === true;
    } catch {
      // a browser that keeps nothing: the choices last as long as the page
    }
  }

  function choose(name, on) {
    chosen[name] = on;
    try {
      localStorage.setItem(STORED, JSON.stringify(chosen));
    } catch {
      // as above
    }
    showChoices();
  }

  function sayIfSilent() {
    silent.hidden = !chosen.sound || Boolean(audio);
  }

  function showChoices() {
    for (const name of Object.keys(chosen)) {
      device.querySelector(`[name=${name}]`).checked = chosen[name];
    }
    sayIfSilent();
    document.querySelector(".keys").hidden = !chosen.keys;
  }

  // A browser gives a page sound only after a tap or a key on it, and complains if asked before.
  function wake() {
    if (!chosen.sound || audio || navigator.userActivation?.hasBeenActive === false) return;
    audio = new AudioContext();
    sayIfSilent();
  }

  async function play() {
    if (!audio) return;
    await audio.resume();
    for (const [pitch, after] of [[660, 0], [880, 0.25]]) {
      const at = audio.currentTime + after;
      const tone = new OscillatorNode(audio, { frequency: pitch });
      const volume = new GainNode(audio, { gain: 0 });
      volume.gain.setValueAtTime(0.3, at);
      volume.gain.exponentialRampToValueAtTime(0.001, at + 0.4);
      tone.connect(volume).connect(audio.destination);
      tone.start(at);
      tone.stop(at + 0.4);
    }
  }

  // Keeps the page of numbers to call on this device; its scope is that page and nothing else.
  const worker = navigator.serviceWorker?.register("/service-worker.js", { scope: "/safety" });
  worker?.then((registered) => registered.update()).catch(() => {}); // not in a private window

  const permission = () => globalThis.Notification?.permission;

  async function notify() {
    if (permission() !== "granted") return;
    const { title, body } = device.dataset;
    const options = { body, tag: "cairn", renotify: true }; // one at a time: the newest
    try {
      const shown = new Notification(title, options);
      shown.onclick = () => {
        window.focus();
        shown.close();
      };
    } catch {
      // On Android only the service worker may show one; it also answers the tap.
      await (await worker)?.showNotification(title, options);
    }
  }

  const rows = () =>
    new Set(
      [...document.querySelectorAll('[aria-labelledby="now"] li > a')].map((row) =>
        row.getAttribute("href"),
      ),
    );
  let known = rows();

  function announce() {
    const shown = rows();
    const isNew = [...shown].some((row) => !known.has(row));
    known = shown;
    if (!isNew) return;
    if (chosen.sound) play();
    if (chosen.notify) notify();
  }

  const tell = (text) => (document.getElementById("tried").textContent = text);

  device.addEventListener("change", async ({ target }) => {
    tell("");
    choose(target.name, target.checked);
    wake();
    if (target.name !== "notify" || !target.checked) return;
    const answer = (await globalThis.Notification?.requestPermission()) ?? "missing";
    if (answer === "granted") return;
    choose("notify", false);
    tell(device.dataset[answer === "missing" ? "missing" : "blocked"]);
  });

  document.getElementById("try").addEventListener("click", () => {
    wake();
    tell(device.dataset[chosen.sound || chosen.notify ? "tried" : "none"]);
    if (chosen.sound) play();
    if (chosen.notify) notify();
  });

  for (const kind of ["click", "keydown"]) document.addEventListener(kind, wake);
  readChoices();
  if (chosen.notify && permission() !== "granted") {
    chosen.notify = false;
    tell(device.dataset.blocked);
  }
  showChoices();
  device.hidden = false;

  setInterval(refresh, EVERY_MS);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && Date.now() - asked >= EVERY_MS) refresh();
  });

  // -- Keys ---------------------------------------------------------------------------------------

  document.addEventListener("keydown", (event) => {
    if (!chosen.keys) return;
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.target.closest("input, select, textarea")) return;
    const rows = [...document.querySelectorAll("#list li > a")];
    const here = rows.indexOf(document.activeElement);
    const step = { j: 1, k: -1 }[event.key];
    if (step && rows.length) {
      const next = here < 0 ? 0 : Math.min(rows.length - 1, Math.max(0, here + step));
      rows[next].focus();
      event.preventDefault();
    }
    const act = { a: "accept", d: "decline" }[event.key];
    if (act && here >= 0 && "answer" in rows[here].dataset) {
      location.assign(`${rows[here].getAttribute("href")}/${act}`); // a page that asks first
    }
  });
})();
