// APNs.
'use strict';

const assert = require('node:assert');
const crypto = require('node:crypto');
const tls = require('node:tls');
const {test} = require('node:test');
const jose = require('jose');
const {double, tell, violations, connect, post, seconds, defined, aMoment, nextSeq} = require('./double');

const kDevice = 'ab'.repeat(32);

function providerToken(claims = {}, header = {}, key = double.keys.apns) {
  return new jose.SignJWT({iss: double.ready.team_id, iat: seconds(), ...claims}).setProtectedHeader({alg: 'ES256', kid: double.ready.key_id, ...header}).sign(key);
}

const news = () => ({aps: {alert: {'loc-key': 'NEW_MESSAGE'}, 'mutable-content': 1, badge: 1, sound: 'default'}, c: 'c1', s: nextSeq()});

function apnsHeaders(token, more = {}) {
  return {authorization: `bearer ${token}`, 'apns-topic': double.ready.topic, 'apns-push-type': 'alert', 'apns-priority': '10', 'apns-id': crypto.randomUUID(),
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
    const headers = defined(apnsHeaders(await providerToken(), change));
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

test('a preview in the clear, or that no extension shows', async () => {
  const sealed = Buffer.concat([Buffer.alloc(20), Buffer.from([65, 4]), Buffer.alloc(100)]).toString('base64url');
  const session = await connect('apns');
  const send = async (payload) => (await sendApns(session, apnsHeaders(await providerToken()), payload)).status;
  assert.strictEqual(await send({...news(), preview: sealed}), 200);
  assert.strictEqual(await send({...news(), preview: 'aGVsbG8'}), 400);
  assert.strictEqual(await send({...news(), aps: {...news().aps, 'mutable-content': 0}, preview: sealed}), 400);
  assert.deepStrictEqual(await violations(), ['bad-preview', 'bad-preview']);
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
  const token = await providerToken();
  const session = await connect('apns', {eager: true, peerMaxConcurrentStreams: 100});
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
  await aMoment();
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
  const {port} = new URL(double.ready.urls.apns);
  const socket = tls.connect({host: '127.0.0.1', port, ca: double.ca, ALPNProtocols: ['http/1.1']});
  await new Promise((resolve) => socket.once('close', resolve).on('error', () => {}));
  const counters = (await tell('/counters')).apns;
  assert.strictEqual(counters.requests, 0);
  assert.deepStrictEqual(await violations(), counters.tls_failures ? [] : ['no-http2']);
});
