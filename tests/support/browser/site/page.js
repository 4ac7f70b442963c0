// Subscribes, and waits for what the service worker (worker.js) makes of pushes.
'use strict';

const understood = []; // what each push said
let more = () => {};

navigator.serviceWorker.addEventListener('message', ({data}) => {
  understood.push(data);
  more();
});

// `key`: the application server's, in base64url.
async function subscribe(key) {
  await navigator.serviceWorker.register('worker.js');
  const {pushManager} = await navigator.serviceWorker.ready;
  return (await pushManager.subscribe({userVisibleOnly: true, applicationServerKey: key})).toJSON();
}

// Once there were so many pushes: what they said, and the notifications that are shown.
async function pushes(count) {
  while (understood.length < count) {
    await new Promise((resolve) => {
      more = resolve;
    });
  }
  const registration = await navigator.serviceWorker.ready;
  const shown = await registration.getNotifications();
  return {understood, notifications: shown.map(({title, body, tag}) => ({title, body, tag}))};
}
