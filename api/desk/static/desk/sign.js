// The box to sign in: draws what a finger, a pen or a mouse draws, and sends it as points. The page
// is not a form that a browser could send again: what was drawn goes out by fetch, and no browser
// keeps it on its disk. Other pages of this browser lock at once: the screen was handed over.
"use strict";

(() => {
  const { failed } = document.currentScript.dataset;
  const MOST_POINTS = 4_000;
  const form = document.querySelector("form.signing");
  if (!form) return;

  try {
    new BroadcastChannel("lock").postMessage("lock");
  } catch {
    // an old browser: its other pages lock when they are used
  }

  function surface(canvas) {
    const width = Number(canvas.dataset.width);
    const height = Number(canvas.dataset.height);
    const box = canvas.closest("fieldset");
    const input = box.querySelector("input[name^=strokes_]");
    const pen = canvas.getContext("2d");
    let strokes = [];
    let pointer = null; // the one that draws; another finger or the palm draws nothing

    function paint() {
      pen.clearRect(0, 0, width, height);
      pen.strokeStyle = getComputedStyle(canvas).color;
      pen.lineWidth = 5;
      pen.lineCap = pen.lineJoin = "round";
      for (const stroke of strokes) {
        pen.beginPath();
        for (const [x, y] of stroke) pen.lineTo(x, y);
        pen.stroke();
      }
    }

    function point(event) {
      const seen = canvas.getBoundingClientRect();
      const place = (at, from, size, whole) =>
        Math.min(whole, Math.max(0, Math.round(((at - from) / size) * whole)));
      return [
        place(event.clientX, seen.left, seen.width, width),
        place(event.clientY, seen.top, seen.height, height),
      ];
    }

    function add(event) {
      if (strokes.reduce((sum, one) => sum + one.length, 0) >= MOST_POINTS) return;
      const next = point(event);
      const last = strokes.at(-1).at(-1);
      if (!last || last[0] !== next[0] || last[1] !== next[1]) strokes.at(-1).push(next);
    }

    canvas.width = width;
    canvas.height = height;
    canvas.addEventListener("pointerdown", (event) => {
      if (pointer !== null || event.button !== 0) return;
      event.preventDefault();
      pointer = event.pointerId;
      canvas.setPointerCapture(pointer);
      strokes.push([]);
      add(event);
      paint();
    });
    canvas.addEventListener("pointermove", (event) => {
      if (event.pointerId !== pointer) return;
      const all = event.getCoalescedEvents?.() ?? [];
      for (const one of all.length ? all : [event]) add(one);
      paint();
    });
    for (const name of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(name, (event) => {
        if (event.pointerId !== pointer) return;
        pointer = null;
        input.value = JSON.stringify(strokes);
      });
    }
    box.querySelector("button.clear").addEventListener("click", () => {
      strokes = [];
      input.value = "";
      paint();
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
    paint();
  }

  function say(words) {
    const refused = document.getElementById("refused");
    refused.querySelector("p").textContent = words;
    refused.hidden = false;
    refused.scrollIntoView({ block: "center" });
  }

  let sending = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (sending) return;
    sending = true;
    try {
      const body = new URLSearchParams(new FormData(form));
      const answer = await fetch(form.action, { method: "POST", body, redirect: "manual" });
      const fetched = new DOMParser().parseFromString(await answer.text(), "text/html");
      const refused = fetched.getElementById("refused");
      if (refused) return say(refused.querySelector("p").textContent);
      const main = fetched.getElementById("main");
      if (!main) return say(failed);
      document.getElementById("main").replaceWith(main);
      scrollTo(0, 0);
      main.focus();
    } catch {
      say(failed);
    } finally {
      sending = false;
    }
  });

  addEventListener("pagehide", () => form.reset()); // a page that the browser brings back is empty
  document.getElementById("no-script").hidden = true;
  for (const canvas of document.querySelectorAll("canvas.surface")) surface(canvas);
})();
