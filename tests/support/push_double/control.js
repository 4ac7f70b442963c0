// How a test talks to the double: POST with JSON, on a port of loopback of its own, in the clear.
//
//   /plan        {"provider", "does", "token"?, "times"?, "after"?}: faults.js
//   /clear       no fault is planned any more
//   /down, /up   {"provider"}
//   /revive      {"provider", "token"}: is no longer dead
//   /mended      the sender's configuration was put right
//   /expire      no access token given until now is good
//   /subscribe   → a new PushSubscription
//   /decrypt     {"token", "body" (base64url)}: what is encrypted to that subscription's keys → the JSON in it
//   /adopt       {"token"} → {"endpoint"}: another browser's subscription, whose messages stay as they are
//   /set         {name: value, …}: settings.js
//   /accepted    → [{"provider", "token", "id", "conversation", "seq", "at", "connection", "attempt", "duplicate",
//                    "headers", "payload", "body"?}, …]: body, in base64url, of what nobody here can read
//   /requests    → [{"provider", "headers", "body" (base64url)}, …], whatever became of them; the last 1000
//   /violations  → [{"provider", "kind", "detail", "at"}, …]
//   /counters    → {provider: {"requests", "accepted", "duplicates", "violations", "connections", "open", "peak_open",
//                  "peak_streams", …}}
//   /forget      of what was recorded, everything
'use strict';

const http = require('node:http');

function commands({hosts, record, faults, behaviour, oauth, webpush, settings}) {
  return {
    '/plan': (fault) => {
      if (!hosts[fault.provider]) throw new Error(`there is no provider ${fault.provider}`);
      faults.add(fault);
    },
    '/clear': () => faults.clear(),
    '/down': ({provider}) => hosts[provider].down(),
    '/up': ({provider}) => hosts[provider].up(),
    '/revive': ({provider, token}) => behaviour.revive(provider, token),
    '/mended': () => behaviour.mended(),
    '/expire': () => oauth.expireAll(),
    '/subscribe': () => webpush.subscribe(),
    '/decrypt': (sealed) => webpush.decrypt(sealed),
    '/adopt': (subscription) => webpush.adopt(subscription),
    '/set': (values) => {
      for (const [name, value] of Object.entries(values)) {
        if (!(name in settings)) throw new Error(`there is no setting ${name}`);
        settings[name] = value;
      }
    },
    '/accepted': () => record.accepted,
    '/requests': () => record.requests,
    '/violations': () => record.violations,
    '/counters': () => record.counters,
    '/forget': () => record.forget(),
  };
}

function listenForControl(parts) {
  const known = commands(parts);
  const server = http.createServer(async (request, response) => {
    try {
      let text = '';
      for await (const chunk of request) text += chunk;
      if (!known[request.url]) throw new Error(`there is no ${request.url}`);
      const said = await known[request.url](JSON.parse(text || '{}'));
      response.end(JSON.stringify(said ?? {}));
    } catch (error) {
      response.writeHead(400).end(String(error.message));
    }
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server.address().port)));
}

module.exports = {listenForControl};
