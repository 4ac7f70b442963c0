// FCM and Google's token endpoint.
'use strict';

const assert = require('node:assert');
const crypto = require('node:crypto');
const {test} = require('node:test');
const {tell, violations, connect, seconds, without} = require('./double');
const {assertion, grant, accessToken, message, sendFcm} = require('./google_sender');

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
  'a loud badge': ['bad-habit', {data: {...message().data, kind: 'badge'}}],
  'a notification': ['bad-habit', {notification: {title: 'Hello'}}],
  'no id': ['bad-habit', {data: {seq: '1'}}],
  'a number in data': ['bad-message', {data: {...message().data, badge: 2}}],
  'a reserved key': ['bad-message', {data: {...message().data, google_x: 'a'}}],
  'an unknown field': ['bad-message', {priority: 'high'}],
  'no token': ['bad-message', {token: undefined}],
  'a ttl without unit': ['bad-message', {android: {...android, ttl: '3600'}}],
  'a ttl of a year': ['bad-message', {android: {...android, ttl: '31536000s'}}],
  'a preview in the clear': ['bad-preview', {data: {...message().data, preview: Buffer.from('hello, '.repeat(20)).toString('base64url')}}],
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
