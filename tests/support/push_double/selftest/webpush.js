// Web Push.
'use strict';

const assert = require('node:assert');
const crypto = require('node:crypto');
const {test} = require('node:test');
const ece = require('http_ece');
const jose = require('jose');
const {double, tell, violations, connect, post, seconds, defined} = require('./double');
const {decrypt} = require('../aes128gcm');

const vapidPoint = () => {
  const {x, y} = crypto.createPublicKey(double.keys.vapid).export({format: 'jwk'});
  return Buffer.concat([Buffer.from([4]), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]);
};

async function vapid(claims = {}, key = double.keys.vapid, point = vapidPoint()) {
  const token = await new jose.SignJWT({aud: double.ready.urls.webpush, exp: seconds() + 43_200, sub: 'mailto:ops@example.com', ...claims})
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
    const headers = defined(webHeaders(await vapid(), change));
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
  'a key that nobody subscribed with': () => vapid({}, double.keys.vapid, crypto.createECDH('prime256v1').generateKeys()),
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

test('a web push for the browser of somebody else', async () => {
  const browser = crypto.createECDH('prime256v1');
  const secret = crypto.randomBytes(16);
  const keys = {p256dh: browser.generateKeys().toString('base64url'), auth: secret.toString('base64url')};
  const subscription = {...(await tell('/adopt', {token: 'of-somebody'})), keys};
  const session = await connect('webpush');
  assert.strictEqual((await sendWeb(session, subscription, webHeaders(await vapid({}, stranger())), encrypt('{}', subscription))).status, 403);
  assert.strictEqual((await sendWeb(session, subscription, webHeaders(await vapid()), encrypt('Hello', subscription))).status, 201);
  assert.deepStrictEqual(await violations(), ['bad-vapid']);
  const [{token, body}] = await tell('/accepted');
  assert.strictEqual(token, 'of-somebody');
  assert.strictEqual(decrypt(Buffer.from(body, 'base64url'), browser, secret).toString(), 'Hello');
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
  const [said, secret] = ['When I grow up, I want to be a watermelon', 'BTBZMqHH6r4Tts7J_aSIgg'];
  assert.strictEqual(decrypt(body, receiver, Buffer.from(secret, 'base64url')).toString(), said);
  assert.strictEqual(ece.decrypt(body, {version: 'aes128gcm', privateKey: receiver, authSecret: secret}).toString(), said);
});
