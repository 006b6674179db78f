// Swagger's own style is dark where <html> has a class, whatever the device asks for. And what it
// draws is busy until it is there.
"use strict";

(() => {
  const QUIET_MS = 500; // it draws in steps
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
  dark.addEventListener("change", follow);
  follow();

  const drawn = document.getElementById("swagger-ui");
  drawn.setAttribute("aria-busy", "true");
  let quiet;
  const observer = new MutationObserver(() => {
    clearTimeout(quiet);
    quiet = setTimeout(() => {
      if (!drawn.querySelector(".opblock-tag, .errors-wrapper")) return;
      drawn.removeAttribute("aria-busy");
      observer.disconnect();
    }, QUIET_MS);
  });
  observer.observe(drawn, { childList: true, subtree: true });
})();
