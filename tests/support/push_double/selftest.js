// Does the double catch what it is there to catch? A good sender, who has nothing against him, and one for each thing
// that can be wrong. Run by ctest; by hand: node selftest.js
'use strict';

const assert = require('node:assert');
const crypto = require('node:crypto');
const fs = require('node:fs');
const http = require('node:http');
const http2 = require('node:http2');
const os = require('node:os');
const path = require('node:path');
const tls = require('node:tls');
const {spawn} = require('node:child_process');
const {after, before, beforeEach, test} = require('node:test');
const jose = require('jose');
const {decrypt} = require('./aes128gcm');

const kDevice = 'ab'.repeat(32);
let directory;
let child;
let ready;
let ca;
let keys;
const sessions = [];

before(async () => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'duet-double-'));
  child = spawn(process.execPath, [path.join(__dirname, 'main.js'), directory], {stdio: ['pipe', 'pipe', 'inherit']});
  const line = await new Promise((resolve, reject) => {
    child.stdout.once('data', resolve);
    child.once('exit', () => reject(new Error('the double does not start')));
  });
  ready = JSON.parse(line);
  const read = (name) => fs.readFileSync(path.join(directory, name));
  ca = read('ca.pem');
  keys = {account: JSON.parse(read('fcm.json')), apns: crypto.createPrivateKey(read('apns.p8')), vapid: crypto.createPrivateKey(read('vapid.pem'))};
});

after(() => {
  for (const session of sessions) session.destroy();
  child.stdin.end();
  fs.rmSync(directory, {recursive: true});
});

// Each begins with no connection and nothing held against anybody.
beforeEach(async () => {
  for (const session of sessions.splice(0)) await closed(session);
  await tell('/clear');
  await tell('/expire');
  await tell('/set', {disturbance_ms: 0, dead_grace_ms: 0, provider_token_min_life_ms: 0, max_connections: 4, access_token_life_s: 3599});
  await tell('/forget');
});

function closed(session) {
  return new Promise((resolve) => {
    if (session.destroyed) return resolve();
    session.once('close', resolve);
    return session.destroy();
  });
}

function tell(command, said = {}) {
  return new Promise((resolve, reject) => {
    const request = http.request({host: '127.0.0.1', port: ready.control, method: 'POST', path: command}, async (response) => {
      let text = '';
      for await (const chunk of response) text += chunk;
      if (response.statusCode === 200) resolve(JSON.parse(text));
      else reject(new Error(text));
    });
    request.on('error', reject).end(JSON.stringify(said));
  });
}

async function violations() {
  return (await tell('/violations')).map(({kind}) => kind);
}

async function connect(provider) {
  const session = http2.connect(ready.urls[provider], {ca});
  session.on('error', () => {});
  sessions.push(session);
  await new Promise((resolve, reject) => session.once('remoteSettings', resolve).once('close', () => reject(new Error('closed'))));
  return session;
}

// The answer: {status, headers, text}, or {error} if there is none.
function post(session, requestPath, headers, body) {
  return new Promise((resolve) => {
    const stream = session.request({':method': 'POST', ':path': requestPath, ...headers});
    const answer = {text: ''};
    stream.on('response', (said) => Object.assign(answer, {status: said[':status'], headers: said}));
    stream.on('data', (chunk) => {
      answer.text += chunk;
    });
    stream.on('error', (error) => resolve({error: error.code})).on('close', () => resolve(answer.status ? answer : {error: 'closed'}));
    stream.end(body);
  });
}

const seconds = () => Math.floor(Date.now() / 1000);
const without = (object, name) => Object.fromEntries(Object.entries(object).filter(([key]) => key !== name));

// ---- Google

function assertion(claims = {}, header = {}, key = crypto.createPrivateKey(keys.account.private_key)) {
  const {client_email: iss, token_uri: aud, private_key_id: kid} = keys.account;
  const scope = 'https://www.googleapis.com/auth/firebase.messaging';
  return new jose.SignJWT({iss, aud, scope, iat: seconds(), exp: seconds() + 3600, ...claims})
    .setProtectedHeader({alg: 'RS256', typ: 'JWT', kid, ...header})
    .sign(key);
}

async function grant(session, signed, type = 'application/x-www-form-urlencoded') {
  const form = new URLSearchParams({grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion: await signed});
  return post(session, '/token', {'content-type': type}, form.toString());
}

async function accessToken() {
  const session = await connect('oauth');
  const answer = await grant(session, assertion());
  await closed(session);
  return JSON.parse(answer.text).access_token;
}

let lastSeq = 100;
const nextSeq = () => ++lastSeq;

function message({token = 'device-1', id = crypto.randomUUID(), seq = String(nextSeq()), ...more} = {}) {
  return {token, data: {push_id: id, kind: 'message', conversation: 'c1', seq, badge: '2'}, android: {priority: 'HIGH', ttl: '3600s'}, ...more};
}

function sendFcm(session, token, said, type = 'application/json') {
  const headers = {authorization: `Bearer ${token}`, 'content-type': type};
  return post(session, `/v1/projects/${ready.project}/messages:send`, headers, JSON.stringify({message: said}));
}

test('a good sender of FCM', async () => {
  const token = await accessToken();
  const session = await connect('fcm');
  const answers = await Promise.all([1, 2, 3].map((n) => sendFcm(session, token, message({token: `device-${n}`, seq: '7'}))));
  assert.deepStrictEqual(answers.map(({status}) => status), [200, 200, 200]);
  assert.match(JSON.parse(answers[0].text).name, /^projects\/duet-test\/messages\//);
  assert.deepStrictEqual(await violations(), []);
  const [first] = await tell('/accepted');
  assert.deepStrictEqual([first.token, first.conversation, first.seq, first.attempt], ['device-1', 'c1', 7, 1]);
});

const kBadGrants = {
  'another key': () => assertion({}, {}, crypto.generateKeyPairSync('rsa', {modulusLength: 2048}).privateKey),
  'another issuer': () => assertion({iss: 'eve@example.com'}),
  'another audience': () => assertion({aud: 'https://oauth2.googleapis.com/token'}),
  'another scope': () => assertion({scope: 'https://www.googleapis.com/auth/cloud-platform'}),
  'two hours': () => assertion({exp: seconds() + 7200}),
  'in the past': () => assertion({iat: seconds() - 7200, exp: seconds() - 3600}),
  'of the future': () => assertion({iat: seconds() + 600, exp: seconds() + 4000}),
  'another key id': () => assertion({}, {kid: 'other'}),
};
for (const [name, signed] of Object.entries(kBadGrants)) {
  test(`an assertion with ${name}`, async () => {
    const answer = await grant(await connect('oauth'), signed());
    assert.deepStrictEqual([answer.status, JSON.parse(answer.text).error], [400, 'invalid_grant']);
    assert.deepStrictEqual(await violations(), ['bad-grant']);
  });
}

test('a grant that is no form', async () => {
  assert.strictEqual((await grant(await connect('oauth'), assertion(), 'application/json')).status, 400);
  assert.deepStrictEqual(await violations(), ['bad-grant']);
});

test('a grant while one is fresh', async () => {
  const session = await connect('oauth');
  await grant(session, assertion());
  await grant(session, assertion());
  assert.deepStrictEqual(await violations(), ['grant-while-fresh']);
});

test('a grant once the last was refused', async () => {
  const oauth = await connect('oauth');
  const token = JSON.parse((await grant(oauth, assertion())).text).access_token;
  await tell('/expire');
  const answer = await sendFcm(await connect('fcm'), token, message());
  assert.strictEqual(answer.status, 401);
  assert.match(answer.text, /ACCESS_TOKEN_EXPIRED/);
  assert.strictEqual((await grant(oauth, assertion())).status, 200);
  assert.deepStrictEqual(await violations(), []);
});

const android = message().android;
const kBadMessages = {
  'a collapse_key': ['bad-habit', {android: {...android, collapse_key: 'a'}}],
  'no priority': ['bad-habit', {android: without(android, 'priority')}],
  'a notification': ['bad-habit', {notification: {title: 'Hello'}}],
  'no id': ['bad-habit', {data: {seq: '1'}}],
  'a number in data': ['bad-message', {data: {...message().data, badge: 2}}],
  'a reserved key': ['bad-message', {data: {...message().data, google_x: 'a'}}],
  'an unknown field': ['bad-message', {priority: 'high'}],
  'no token': ['bad-message', {token: undefined}],
  'a ttl without unit': ['bad-message', {android: {...android, ttl: '3600'}}],
  'a ttl of a year': ['bad-message', {android: {...android, ttl: '31536000s'}}],
  'five kilobytes': ['bad-message', {data: {...message().data, text: 'x'.repeat(5000)}}],
};
for (const [name, [kind, change]] of Object.entries(kBadMessages)) {
  test(`a message to FCM with ${name}`, async () => {
    const answer = await sendFcm(await connect('fcm'), await accessToken(), {...message(), ...change});
    assert.deepStrictEqual([answer.status, JSON.parse(answer.text).error.status], [400, 'INVALID_ARGUMENT']);
    assert.deepStrictEqual(await violations(), [kind]);
  });
}

test('a message to FCM that is no JSON, by type', async () => {
  assert.strictEqual((await sendFcm(await connect('fcm'), await accessToken(), message(), 'text/plain')).status, 400);
  assert.deepStrictEqual(await violations(), ['bad-message']);
});

test('an access token that was never given', async () => {
  assert.strictEqual((await sendFcm(await connect('fcm'), 'made-up', message())).status, 401);
  assert.deepStrictEqual(await violations(), ['bad-credentials']);
});

// ---- What it does about attempts

const kFaults = {
  'FCM 503, repeated at once': [{do: 'answer', status: 503, reason: 'UNAVAILABLE'}, ['early-retry']],
  'FCM 500, repeated at once': [{do: 'answer', status: 500, reason: 'INTERNAL'}, ['early-retry']],
  'FCM 429 with Retry-After': [{do: 'answer', status: 429, reason: 'QUOTA_EXCEEDED', retry_after: 60}, ['early-retry']],
  'FCM 503 with Retry-After 0': [{do: 'answer', status: 503, reason: 'UNAVAILABLE', retry_after: 0}, []],
  'FCM 502 in HTML': [{do: 'answer', status: 502, body: '<html>Bad gateway</html>'}, ['early-retry']],
  'FCM 400, repeated': [{do: 'answer', status: 400, reason: 'INVALID_ARGUMENT'}, ['repeat-of-refused']],
  'FCM 403, repeated at once': [{do: 'answer', status: 403, reason: 'SENDER_ID_MISMATCH'}, ['repeat-of-refused']],
  'FCM 404, repeated': [{do: 'answer', status: 404, reason: 'UNREGISTERED'}, ['repeat-of-refused', 'push-after-dead']],
  'a reset, repeated at once': [{do: 'rst'}, []],
};
for (const [name, [does, expected]] of Object.entries(kFaults)) {
  test(name, async () => {
    const token = await accessToken();
    const session = await connect('fcm');
    await tell('/plan', {provider: 'fcm', does});
    const said = message({token: name});
    const first = await sendFcm(session, token, said);
    assert.strictEqual(first.status, does.status);
    if (does.retry_after !== undefined) assert.strictEqual(first.headers['retry-after'], String(does.retry_after));
    await new Promise((resolve) => setTimeout(resolve, 5));
    await sendFcm(session, token, said);
    assert.deepStrictEqual(await violations(), expected);
    assert.strictEqual((await tell('/accepted'))[0].attempt, 2);
  });
}

test('a dead token that was registered again', async () => {
  const token = await accessToken();
  const session = await connect('fcm');
  await tell('/plan', {provider: 'fcm', token: 'device-9', does: {do: 'answer', status: 404, reason: 'UNREGISTERED'}});
  await sendFcm(session, token, message({token: 'device-9'}));
  await tell('/revive', {provider: 'fcm', token: 'device-9'});
  await new Promise((resolve) => setTimeout(resolve, 5));
  await sendFcm(session, token, message({token: 'device-9'}));
  assert.deepStrictEqual(await violations(), []);
});

test('the same news under another id', async () => {
  const token = await accessToken();
  const session = await connect('fcm');
  await sendFcm(session, token, message({seq: '3'}));
  await sendFcm(session, token, message({seq: '3'}));
  assert.deepStrictEqual(await violations(), ['another-id']);
});

test('five connections', async () => {
  for (let n = 0; n < 5; ++n) await connect('webpush');
  assert.deepStrictEqual(await violations(), ['too-many-connections']);
});

test('accepted without an answer, and again', async () => {
  const token = await accessToken();
  await tell('/plan', {provider: 'fcm', does: {do: 'reset', accept: true}});
  const said = message();
  assert.ok((await sendFcm(await connect('fcm'), token, said)).error);
  assert.strictEqual((await sendFcm(await connect('fcm'), token, said)).status, 200);
  assert.deepStrictEqual((await tell('/accepted')).map(({duplicate}) => duplicate), [false, true]);
  assert.strictEqual((await tell('/counters')).fcm.duplicates, 1);
});

test('an answer that never comes', async () => {
  const token = await accessToken();
  const session = await connect('fcm');
  await tell('/plan', {provider: 'fcm', token: 'device-1', does: {do: 'hang'}});
  let answered = false;
  const hung = sendFcm(session, token, message()).then(() => {
    answered = true;
  });
  assert.strictEqual((await sendFcm(session, token, message({token: 'device-2'}))).status, 200);
  assert.strictEqual(answered, false);
  await closed(session);
  await hung;
});

test('down and up again', async () => {
  const session = await connect('fcm');
  await tell('/down', {provider: 'fcm'});
  await closed(session);
  await assert.rejects(connect('fcm'));
  await tell('/up', {provider: 'fcm'});
  await connect('fcm');
});

// ---- Apple

function providerToken(claims = {}, header = {}, key = keys.apns) {
  return new jose.SignJWT({iss: ready.team_id, iat: seconds(), ...claims}).setProtectedHeader({alg: 'ES256', kid: ready.key_id, ...header}).sign(key);
}

const news = () => ({aps: {alert: {'loc-key': 'NEW_MESSAGE'}, 'mutable-content': 1, badge: 1, sound: 'default'}, c: 'c1', s: nextSeq()});

function apnsHeaders(token, more = {}) {
  return {authorization: `bearer ${token}`, 'apns-topic': ready.topic, 'apns-push-type': 'alert', 'apns-priority': '10', 'apns-id': crypto.randomUUID(),
    'apns-expiration': String(seconds() + 3600), 'apns-collapse-id': 'c1', ...more};
}

function sendApns(session, headers, payload = news(), device = kDevice) {
  return post(session, `/3/device/${device}`, headers, typeof payload === 'string' ? payload : JSON.stringify(payload));
}

test('a good sender of APNs', async () => {
  const token = await providerToken();
  for (const provider of ['apns', 'apns_sandbox']) {
    const session = await connect(provider);
    assert.strictEqual(session.remoteSettings.maxConcurrentStreams, 1);
    const headers = apnsHeaders(token);
    const answer = await sendApns(session, headers);
    assert.deepStrictEqual([answer.status, answer.text, answer.headers['apns-id']], [200, '', headers['apns-id']]);
    if (session.remoteSettings.maxConcurrentStreams === 1) await new Promise((resolve) => session.once('remoteSettings', resolve));
    const devices = [1, 2, 3].map((n) => `${n}${n}`.repeat(32));
    const more = await Promise.all(devices.map((device) => sendApns(session, apnsHeaders(token), news(), device)));
    assert.deepStrictEqual(more.map(({status}) => status), [200, 200, 200]);
  }
  assert.deepStrictEqual(await violations(), []);
});

const kBadTokens = {
  'another key': () => providerToken({}, {}, crypto.generateKeyPairSync('ec', {namedCurve: 'P-256'}).privateKey),
  'another team': () => providerToken({iss: 'OTHERTEAM1'}),
  'another key id': () => providerToken({}, {kid: 'OTHERKEY01'}),
  'no time': () => providerToken({iat: undefined}),
  'a time of the future': () => providerToken({iat: seconds() + 600}),
  'an age of two hours': () => providerToken({iat: seconds() - 7200}),
};
for (const [name, signed] of Object.entries(kBadTokens)) {
  test(`a provider token with ${name}`, async () => {
    const answer = await sendApns(await connect('apns'), apnsHeaders(await signed()));
    const reason = name.startsWith('an age') ? 'ExpiredProviderToken' : 'InvalidProviderToken';
    assert.deepStrictEqual([answer.status, JSON.parse(answer.text).reason], [403, reason]);
    assert.deepStrictEqual(await violations(), ['bad-provider-token']);
  });
}

const kBadPushes = {
  BadMessageId: [{'apns-id': '0F0F0F0F-0000-4000-8000-000000000000'}],
  MissingTopic: [{'apns-topic': undefined}],
  TopicDisallowed: [{'apns-topic': 'com.example.other'}],
  InvalidPushType: [{'apns-push-type': undefined}],
  BadPriority: [{'apns-push-type': 'background'}, {aps: {'content-available': 1}}],
  BadExpirationDate: [{'apns-expiration': String(Date.now())}],
  BadCollapseId: [{'apns-collapse-id': 'é'.repeat(33)}],
  PayloadEmpty: [{}, ''],
  PayloadTooLarge: [{}, {...news(), text: 'x'.repeat(4096)}],
  UnknownHeader: [{'x-priority': '10'}],
  MissingProviderToken: [{authorization: undefined}],
};
for (const [reason, [change, payload]] of Object.entries(kBadPushes)) {
  test(`APNs refuses with ${reason}`, async () => {
    const headers = Object.fromEntries(Object.entries(apnsHeaders(await providerToken(), change)).filter(([, value]) => value !== undefined));
    const answer = await sendApns(await connect('apns'), headers, payload ?? news());
    assert.strictEqual(JSON.parse(answer.text).reason, reason);
    assert.strictEqual((await violations()).length, 1);
  });
}

test('a background push that shows itself', async () => {
  const headers = apnsHeaders(await providerToken(), {'apns-push-type': 'background', 'apns-priority': '5'});
  assert.strictEqual((await sendApns(await connect('apns'), headers)).status, 400);
  assert.deepStrictEqual(await violations(), ['bad-request']);
});

test('no device in the path', async () => {
  const answer = await sendApns(await connect('apns'), apnsHeaders(await providerToken()), news(), 'no-hex');
  assert.strictEqual(JSON.parse(answer.text).reason, 'BadPath');
});

test('another token on one connection', async () => {
  await tell('/set', {provider_token_min_life_ms: 1_200_000});
  const session = await connect('apns');
  assert.strictEqual((await sendApns(session, apnsHeaders(await providerToken()))).status, 200);
  await tell('/forget'); // it was another than the test's before
  const answer = await sendApns(session, apnsHeaders(await providerToken()), news());
  assert.deepStrictEqual([answer.status, JSON.parse(answer.text).reason], [429, 'TooManyProviderTokenUpdates']);
  assert.deepStrictEqual(await violations(), ['token-minted-too-often']);
});

test('two tokens for one key', async () => {
  const [one, other] = [await providerToken(), await providerToken()];
  await sendApns(await connect('apns'), apnsHeaders(one), news());
  await tell('/set', {provider_token_min_life_ms: 1_200_000});
  await sendApns(await connect('apns'), apnsHeaders(other), news());
  assert.deepStrictEqual(await violations(), ['two-tokens-for-one-key']);
});

test('two streams before a valid token', async () => {
  const session = http2.connect(ready.urls.apns, {ca, peerMaxConcurrentStreams: 100});
  session.on('error', () => {});
  sessions.push(session);
  const token = await providerToken();
  await Promise.all([1, 2, 3].map((n) => sendApns(session, apnsHeaders(token), news())));
  await sendApns(session, apnsHeaders(token), news());
  const kinds = await violations();
  assert.ok(kinds.some((kind) => kind === 'stream-before-valid-token' || kind === 'streams-over-limit'), kinds.join());
});

test('APNs 410, and again later', async () => {
  const session = await connect('apns');
  const token = await providerToken();
  const device = 'cd'.repeat(32);
  await tell('/plan', {provider: 'apns', token: device, does: {do: 'answer', status: 410, reason: 'Unregistered', timestamp: 1_700_000_000_000}});
  const answer = await sendApns(session, apnsHeaders(token), news(), device);
  assert.deepStrictEqual(JSON.parse(answer.text), {reason: 'Unregistered', timestamp: 1_700_000_000_000});
  await new Promise((resolve) => setTimeout(resolve, 5));
  await sendApns(session, apnsHeaders(token), news(), device);
  assert.deepStrictEqual(await violations(), ['push-after-dead']);
});

test('the last stream of a connection', async () => {
  const session = await connect('apns');
  await tell('/plan', {provider: 'apns', does: {do: 'goaway', reason: 'Shutdown'}});
  const said = new Promise((resolve) => session.once('goaway', (code, last, data) => resolve([code, last, String(data)])));
  const answer = await sendApns(session, apnsHeaders(await providerToken()), news());
  assert.strictEqual(answer.status, 200);
  assert.deepStrictEqual(await said, [0, 1, '{"reason":"Shutdown"}']);
});

test('a client of HTTP/1.1', async () => {
  const {port} = new URL(ready.urls.apns);
  const socket = tls.connect({host: '127.0.0.1', port, ca, ALPNProtocols: ['http/1.1']});
  await new Promise((resolve) => socket.once('close', resolve).on('error', () => {}));
  const counters = (await tell('/counters')).apns;
  assert.strictEqual(counters.requests, 0);
  assert.deepStrictEqual(await violations(), counters.tls_failures ? [] : ['no-http2']);
});

// ---- Web Push

const vapidPoint = () => {
  const {x, y} = crypto.createPublicKey(keys.vapid).export({format: 'jwk'});
  return Buffer.concat([Buffer.from([4]), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]);
};

async function vapid(claims = {}, key = keys.vapid, point = vapidPoint()) {
  const token = await new jose.SignJWT({aud: ready.urls.webpush, exp: seconds() + 43_200, sub: 'mailto:ops@example.com', ...claims})
    .setProtectedHeader({alg: 'ES256', typ: 'JWT'})
    .sign(key);
  return `vapid t=${token}, k=${point.toString('base64url')}`;
}

function hkdf(salt, key, info, bytes) {
  return Buffer.from(crypto.hkdfSync('sha256', key, salt, info, bytes));
}

function encrypt(text, subscription, {salt = crypto.randomBytes(16), delimiter = 2} = {}) {
  const receiver = Buffer.from(subscription.keys.p256dh, 'base64url');
  const sender = crypto.createECDH('prime256v1');
  const point = sender.generateKeys();
  const ikm = hkdf(Buffer.from(subscription.keys.auth, 'base64url'), sender.computeSecret(receiver), Buffer.concat([Buffer.from('WebPush: info\0'), receiver, point]), 32);
  const key = hkdf(salt, ikm, Buffer.from('Content-Encoding: aes128gcm\0'), 16);
  const cipher = crypto.createCipheriv('aes-128-gcm', key, hkdf(salt, ikm, Buffer.from('Content-Encoding: nonce\0'), 12));
  const sealed = Buffer.concat([cipher.update(text), cipher.update(Buffer.from([delimiter])), cipher.final(), cipher.getAuthTag()]);
  return Buffer.concat([salt, Buffer.from([0, 0, 16, 0, 65]), point, sealed]);
}

const kNews = {push_id: '0f0f0f0f-0000-4000-8000-000000000000', seq: 7};
const webHeaders = (authorization, more = {}) => ({authorization, ttl: '3600', urgency: 'high', topic: 'c1', 'content-encoding': 'aes128gcm', 'content-type': 'application/octet-stream', ...more});
const sendWeb = (session, {endpoint}, headers, body) => post(session, new URL(endpoint).pathname, headers, body);

test('a good sender of Web Push', async () => {
  const subscription = await tell('/subscribe');
  const answer = await sendWeb(await connect('webpush'), subscription, webHeaders(await vapid()), encrypt(JSON.stringify(kNews), subscription));
  assert.strictEqual(answer.status, 201);
  assert.match(answer.headers.location, /^https:/);
  assert.deepStrictEqual(await violations(), []);
  assert.deepStrictEqual((await tell('/accepted'))[0].payload, kNews);
});

const stranger = () => crypto.generateKeyPairSync('ec', {namedCurve: 'P-256'}).privateKey;
const kBadWebPushes = {
  'no TTL': ['bad-request', {ttl: undefined}],
  'a TTL in words': ['bad-request', {ttl: 'long'}],
  'another urgency': ['bad-request', {urgency: 'urgent'}],
  'a long topic': ['bad-request', {topic: 'x'.repeat(33)}],
  'no encoding': ['bad-request', {'content-encoding': undefined}],
  'a header of a draft': ['bad-request', {'crypto-key': 'dh=abc'}],
  'no authorization': ['bad-vapid', {authorization: undefined}],
};
for (const [name, [kind, change]] of Object.entries(kBadWebPushes)) {
  test(`a web push with ${name}`, async () => {
    const subscription = await tell('/subscribe');
    const headers = Object.fromEntries(Object.entries(webHeaders(await vapid(), change)).filter(([, value]) => value !== undefined));
    const answer = await sendWeb(await connect('webpush'), subscription, headers, encrypt('{}', subscription));
    assert.ok(answer.status >= 400);
    assert.deepStrictEqual(await violations(), [kind]);
  });
}

const kBadVapids = {
  'another audience': () => vapid({aud: 'https://fcm.googleapis.com'}),
  'two days': () => vapid({exp: seconds() + 172_800}),
  'no end': () => vapid({exp: undefined}),
  'no subject': () => vapid({sub: undefined}),
  'another key': () => vapid({}, stranger()),
  'a key that nobody subscribed with': () => vapid({}, keys.vapid, crypto.createECDH('prime256v1').generateKeys()),
};
for (const [name, authorization] of Object.entries(kBadVapids)) {
  test(`a VAPID token with ${name}`, async () => {
    const subscription = await tell('/subscribe');
    const answer = await sendWeb(await connect('webpush'), subscription, webHeaders(await authorization()), encrypt('{}', subscription));
    assert.strictEqual(answer.status, 403);
    assert.deepStrictEqual(await violations(), ['bad-vapid']);
  });
}

test('web pushes that nobody can read', async () => {
  const subscription = await tell('/subscribe');
  const other = await tell('/subscribe');
  const session = await connect('webpush');
  const changed = encrypt('{}', subscription);
  changed[changed.length - 1] ^= 1;
  for (const body of [encrypt('{}', other), changed, encrypt('{}', subscription, {delimiter: 1}), Buffer.from('{}'), encrypt('no JSON', subscription)]) {
    assert.strictEqual((await sendWeb(session, subscription, webHeaders(await vapid()), body)).status, 400);
  }
  assert.deepStrictEqual(await violations(), Array(5).fill('bad-encryption'));
});

test('a web push over four kilobytes', async () => {
  const subscription = await tell('/subscribe');
  const answer = await sendWeb(await connect('webpush'), subscription, webHeaders(await vapid()), encrypt(JSON.stringify('x'.repeat(4000)), subscription));
  assert.strictEqual(answer.status, 413);
});

test('a key that was used before', async () => {
  const subscription = await tell('/subscribe');
  const session = await connect('webpush');
  const first = encrypt('{}', subscription);
  const second = encrypt('{"more": 1}', subscription);
  first.copy(second, 0, 0, 86);
  await sendWeb(session, subscription, webHeaders(await vapid()), first);
  await sendWeb(session, subscription, webHeaders(await vapid()), first); // the same once more is nothing new
  await sendWeb(session, subscription, webHeaders(await vapid()), second);
  assert.deepStrictEqual(await violations(), ['reused-key']);
});

test('an endpoint that nobody has', async () => {
  const subscription = await tell('/subscribe');
  const answer = await post(await connect('webpush'), '/push/nobody', webHeaders(await vapid()), encrypt('{}', subscription));
  assert.strictEqual(answer.status, 404);
  assert.deepStrictEqual(await violations(), ['bad-request']);
});

test('the example of RFC 8291, appendix A', () => {
  const receiver = crypto.createECDH('prime256v1');
  receiver.setPrivateKey(Buffer.from('q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94', 'base64url'));
  const body = Buffer.from('DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_' +
    'yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN', 'base64url');
  assert.strictEqual(decrypt(body, receiver, Buffer.from('BTBZMqHH6r4Tts7J_aSIgg', 'base64url')).toString(), 'When I grow up, I want to be a watermelon');
});
