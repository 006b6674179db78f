// Uses or makes a passkey when its button is pressed, and sends the browser's answer with the form.
// It asks this server for a challenge first, and nothing else. Without it, or in a browser without
// passkeys, its forms stay hidden and the other ways are used.
"use strict";

(() => {
  const { options: address, domain, library } = document.currentScript.dataset;
  const forms = document.querySelectorAll("form[data-passkey]");
  const PublicKey = globalThis.PublicKeyCredential;
  const native = PublicKey?.parseRequestOptionsFromJSON && PublicKey.prototype.toJSON;

  // A passkey belongs to a domain: elsewhere, as at an address of numbers, a browser has none.
  const here = location.hostname === domain || location.hostname.endsWith(`.${domain}`);
  if (!PublicKey || !here) return;

  // For browsers that cannot read options as JSON: the library's own reader, from this server.
  const loaded = new Promise((resolve, reject) => {
    if (native) return resolve();
    const script = document.createElement("script");
    script.src = library;
    script.onload = resolve;
    script.onerror = reject;
    document.head.append(script);
  });
  loaded.catch(() => {}); // said when the button is pressed

  async function ask(kind, options) {
    await loaded;
    if (!native) return globalThis.webauthnJSON[kind](options);
    const name = kind === "create" ? "parseCreationOptionsFromJSON" : "parseRequestOptionsFromJSON";
    const publicKey = PublicKey[name](options.publicKey);
    const found = await navigator.credentials[kind]({ publicKey });
    return found.toJSON();
  }

  function begin(form) {
    const button = form.querySelector("button");
    const failed = form.querySelector("[data-failed]");

    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      button.disabled = true;
      failed.hidden = true;
      try {
        const asked = `${address}?for=${form.dataset.for}`;
        const answer = await fetch(asked, { headers: { Accept: "application/json" } });
        if (!answer.ok) throw new Error(String(answer.status));
        const found = await ask(form.dataset.passkey, await answer.json());
        form.elements.credential.value = JSON.stringify(found);
        form.submit();
      } catch {
        failed.hidden = false; // canceled, no passkey, or no connection
        button.disabled = false;
      }
    });
    form.hidden = false;
    for (const one of document.querySelectorAll("[data-without-passkey]")) one.hidden = true;
  }

  forms.forEach(begin);
  // A page that the browser brings back has sent its form.
  addEventListener("pageshow", () => {
    for (const form of forms) form.querySelector("button").disabled = false;
  });
})();
