// Adds this device to the ways a member is reached: asks the browser for a subscription to pushes,
// and sends it with the form. It keeps nothing. The service worker shows what comes.
"use strict";

(() => {
  const section = document.getElementById("this-device");
  if (!section || !("PushManager" in window) || !navigator.serviceWorker) return;
  const form = section.querySelector("form");
  const field = (name) => form.elements[`device-${name}`];
  const said = document.getElementById("device-said");
  const key = section.dataset.key;

  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer)))
      .replaceAll("+", "-")
      .replaceAll("/", "_")
      .replaceAll("=", "");

  async function activated() {
    const registered = await navigator.serviceWorker.register("/service-worker.js", {
      scope: "/safety",
    });
    const worker = registered.installing ?? registered.waiting ?? registered.active;
    await new Promise((done) => {
      const look = () => worker.state === "activated" && done();
      worker.addEventListener("statechange", look);
      look();
    });
    return registered.pushManager;
  }

  async function subscription() {
    const pushes = await activated();
    const before = await pushes.getSubscription();
    // One of another server's key, or of this server's earlier key, brings nothing any more.
    if (before && text(before.options.applicationServerKey ?? []) === key) return before;
    await before?.unsubscribe();
    return pushes.subscribe({ userVisibleOnly: true, applicationServerKey: key });
  }

  form.addEventListener("submit", async (event) => {
    if (field("endpoint").value) return; // filled in below: it goes to the server
    event.preventDefault();
    said.textContent = "";
    if ((await Notification.requestPermission()) !== "granted") {
      said.textContent = section.dataset.blocked;
      return;
    }
    try {
      const made = await subscription();
      field("endpoint").value = made.endpoint;
      field("key").value = text(made.getKey("p256dh"));
      field("secret").value = text(made.getKey("auth"));
    } catch {
      said.textContent = section.dataset.failed;
      return;
    }
    form.requestSubmit(event.submitter);
  });
  section.hidden = false;
})();
