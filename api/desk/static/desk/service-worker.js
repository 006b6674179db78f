// Keeps the page of numbers to call for a device without a connection, and nothing else: no page
// of the desk, no answer of the API. It shows the pushes that come to this device, and takes the tap
// by which a member says that they are awake. The server puts VERSION, a hash of what is kept, on
// top (api/desk/installable.py): when a number changes, the browser takes this file for a new one.
"use strict";

const PAGE = "/safety";
const KEPT = [PAGE, "/static/desk/safety.css", "/static/desk/leave.js"];
const CACHE = `safety-${VERSION}`;

async function keep() {
  const cache = await caches.open(CACHE);
  // Without cookies: what is kept is what a stranger would get.
  const asked = KEPT.map((path) => new Request(path, { credentials: "omit", cache: "reload" }));
  await cache.addAll(asked);
  await self.skipWaiting();
}

async function forgetOthers() {
  const others = (await caches.keys()).filter((name) => name !== CACHE);
  await Promise.all(others.map((name) => caches.delete(name)));
}

async function fromNetworkOrKept(request, path) {
  try {
    return await fetch(request);
  } catch {
    const cache = await caches.open(CACHE);
    return (await cache.match(path)) ?? Response.error();
  }
}

const AWAKE = "/desk/awake";

async function show(path) {
  const windows = await clients.matchAll({ type: "window", includeUncontrolled: true });
  const desk = windows.find((one) => new URL(one.url).pathname.startsWith("/desk/"));
  if (!desk) return clients.openWindow(path);
  await desk.focus();
  // A browser navigates only the pages that a service worker controls: this one controls none.
  return path === "/desk/" ? undefined : clients.openWindow(path);
}

// A device that is locked or signed out is led away from the page: nothing is said for its member,
// and the page that opens asks who they are first.
async function sayAwake(reference) {
  const page = await fetch(AWAKE, { redirect: "manual" });
  if (!page.ok) return;
  const [, token] = /name="csrfmiddlewaretoken" value="(\w+)"/.exec(await page.text());
  const body = new URLSearchParams({ csrfmiddlewaretoken: token, reference, how: "push" });
  await fetch(AWAKE, { method: "POST", body, redirect: "manual" });
}

async function showPush(told) {
  const { title, body, tag, reference, awake } = told;
  await self.registration.showNotification(title, {
    body,
    tag, // the same message twice is shown once
    renotify: true,
    requireInteraction: Boolean(awake),
    actions: awake ? [{ action: "awake", title: awake }] : [],
    data: { reference, path: awake ? AWAKE : "/desk/" },
  });
}

self.addEventListener("push", (event) => event.waitUntil(showPush(event.data.json())));

self.addEventListener("install", (event) => event.waitUntil(keep()));
self.addEventListener("activate", (event) => event.waitUntil(forgetOthers()));

// The scope is the page (desk.js registers it so): no other page's requests come through here.
self.addEventListener("fetch", (event) => {
  const { origin, pathname } = new URL(event.request.url);
  if (event.request.method !== "GET" || origin !== location.origin) return;
  if (KEPT.includes(pathname)) event.respondWith(fromNetworkOrKept(event.request, pathname));
});

// A tap on a notification: of a push, or of the inbox, where only a service worker may show one.
self.addEventListener("notificationclick", (event) => {
  const { reference, path = "/desk/" } = event.notification.data ?? {};
  event.notification.close();
  const said = event.action === "awake" ? sayAwake(reference).catch(() => {}) : Promise.resolve();
  event.waitUntil(said.then(() => show(path)));
});
