// The double as a process, and a client of HTTP/2 to talk to it. Each test begins with no connection and nothing held
// against anybody.
'use strict';

const crypto = require('node:crypto');
const fs = require('node:fs');
const http = require('node:http');
const http2 = require('node:http2');
const os = require('node:os');
const path = require('node:path');
const {spawn} = require('node:child_process');
const {after, before, beforeEach} = require('node:test');

// What there is once the double runs: {ready, ca, keys}.
const double = {};
let directory;
let child;
const sessions = [];

before(async () => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'duet-double-'));
  child = spawn(process.execPath, [path.join(__dirname, '..', 'main.js'), directory], {stdio: ['pipe', 'pipe', 'inherit']});
  const line = await new Promise((resolve, reject) => {
    child.stdout.once('data', resolve);
    child.once('exit', () => reject(new Error('the double does not start')));
  });
  double.ready = JSON.parse(line);
  const read = (name) => fs.readFileSync(path.join(directory, name));
  double.ca = read('ca.pem');
  double.keys = {account: JSON.parse(read('fcm.json')), apns: crypto.createPrivateKey(read('apns.p8')), vapid: crypto.createPrivateKey(read('vapid.pem'))};
});

after(() => {
  for (const session of sessions) session.destroy();
  child.stdin.end();
  fs.rmSync(directory, {recursive: true});
});

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
    const request = http.request({host: '127.0.0.1', port: double.ready.control, method: 'POST', path: command}, async (response) => {
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

async function connect(provider, {eager, ...options} = {}) {
  const session = http2.connect(double.ready.urls[provider], {ca: double.ca, ...options});
  session.on('error', () => {});
  sessions.push(session);
  if (eager) return session; // nothing is known of the server's limits
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
const defined = (object) => Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
const aMoment = () => new Promise((resolve) => setTimeout(resolve, 5));
let lastSeq = 100;
const nextSeq = () => ++lastSeq; // else it would be the same news again

module.exports = {double, tell, violations, connect, closed, post, seconds, without, defined, aMoment, nextSeq};
