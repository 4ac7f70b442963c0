// What is held against a sender over several requests, and the faults that it has to live with.
'use strict';

const assert = require('node:assert');
const {test} = require('node:test');
const {tell, violations, connect, closed, aMoment} = require('./double');
const {Behaviour} = require('../behaviour');
const {accessToken, message, sendFcm} = require('./google_sender');

const kFaults = {
  'FCM 503, repeated at once': [{do: 'answer', status: 503, reason: 'UNAVAILABLE'}, ['early-retry']],
  'FCM 500, repeated at once': [{do: 'answer', status: 500, reason: 'INTERNAL'}, ['early-retry']],
  'FCM 429 with Retry-After': [{do: 'answer', status: 429, reason: 'QUOTA_EXCEEDED', retry_after: 60}, ['early-retry']],
  'FCM 503 with Retry-After 0': [{do: 'answer', status: 503, reason: 'UNAVAILABLE', retry_after: 0}, []],
  'FCM 502 in HTML': [{do: 'answer', status: 502, body: '<html>Bad gateway</html>'}, ['early-retry']],
  'FCM 400, repeated': [{do: 'answer', status: 400, reason: 'INVALID_ARGUMENT'}, ['repeat-of-refused']],
  'FCM 403, repeated at once': [{do: 'answer', status: 403, reason: 'SENDER_ID_MISMATCH'}, ['repeat-of-refused']],
  'FCM 404, repeated': [{do: 'answer', status: 404, reason: 'UNREGISTERED'}, ['repeat-of-refused', 'push-after-dead']],
  'FCM 418, repeated at once': [{do: 'answer', status: 418}, ['repeat-of-refused']],
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
    await aMoment();
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
  await aMoment();
  await sendFcm(session, token, message({token: 'device-9'}));
  assert.deepStrictEqual(await violations(), []);
});

test('a grant that comes while another is answered repeats nothing', () => {
  const seen = [];
  const behaviour = new Behaviour({clock_slack_ms: 50, fcm_min_retry_ms: 10_000, keep: 10}, {violation: (...words) => seen.push(words)});
  const grant = {id: 'grant', token: ''};
  for (const status of [200, 503]) {
    const at = Date.now();
    behaviour.answered('oauth', grant, {status});
    behaviour.arrived('oauth', grant, at - 1000);
    assert.deepStrictEqual(seen, []);
  }
  behaviour.arrived('oauth', grant, Date.now());
  assert.strictEqual(seen.length, 1);
  assert.strictEqual(seen[0][1], 'early-retry');
  const push = {id: 'a push', token: 'a token'};
  behaviour.answered('fcm', push, {status: 503});
  behaviour.arrived('fcm', push, Date.now() - 1000); // the same push twice at once
  assert.strictEqual(seen.length, 2);
});

test('what was refused for the configuration, once that is put right, and what was refused for good', async () => {
  const token = await accessToken();
  const session = await connect('fcm');
  for (const [status, reason, expected] of [[403, 'PERMISSION_DENIED', []], [404, 'NOT_FOUND', []], [400, 'INVALID_ARGUMENT', ['repeat-of-refused']]]) {
    const said = message({token: reason});
    await tell('/plan', {provider: 'fcm', token: reason, does: {do: 'answer', status, reason}});
    await sendFcm(session, token, said);
    await tell('/mended');
    await sendFcm(session, token, said);
    assert.deepStrictEqual(await violations(), expected);
  }
});

test('every request is kept as it came', async () => {
  const token = await accessToken();
  await sendFcm(await connect('fcm'), token, 'no JSON');
  const [grant, push] = await tell('/requests');
  assert.deepStrictEqual([grant.provider, push.provider, push.headers.authorization], ['oauth', 'fcm', `Bearer ${token}`]);
  assert.strictEqual(Buffer.from(push.body, 'base64url').toString(), '{"message":"no JSON"}');
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
