// A service worker as an app's would be (docs/protocol.md, "What a push says"): the words are its own, for a push has none.
'use strict';

async function show(said) {
  const body = said.badge === 1 ? '1 unread message' : `${said.badge} unread messages`;
  await self.registration.showNotification('Duet', {body, tag: said.c});
  for (const page of await self.clients.matchAll({includeUncontrolled: true})) page.postMessage(said);
}

self.addEventListener('push', (event) => event.waitUntil(show(event.data.json())));
