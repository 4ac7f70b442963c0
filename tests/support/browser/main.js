// Chromium as one of a user's devices: a page subscribes to pushes, and its service worker shows what they say. What
// comes from the browser's push service comes from google.js; all that is between that and the service worker is
// Chromium's own.
//
//   node main.js DIRECTORY PROFILE   DIRECTORY: of the push double, for its certificate and the key to subscribe with;
//                                    PROFILE: an empty one, for the browser
//
// One line of JSON each:
//   out  {"subscription"}            the PushSubscription, first of all
//   in   {"deliver": base64}         the browser is sent that, which was posted for the subscription
//   in   {"pushes": n}               once the service worker has understood so many …
//   out  {"understood": […], "notifications": [{"title", "body", "tag"}, …]}   … all that it has, and what is shown
//
// The program ends with its input, and the browser before it.
'use strict';

const crypto = require('node:crypto');
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');
const readline = require('node:readline');
const {Chromium} = require('./chromium');
const {Google} = require('./google');

const kTypes = {'.html': 'text/html', '.js': 'text/javascript'};

function serveSite() {
  const files = new Map(fs.readdirSync(path.join(__dirname, 'site')).map((name) => [`/${name}`, path.join(__dirname, 'site', name)]));
  const server = http.createServer((request, response) => {
    const file = files.get(request.url === '/' ? '/index.html' : request.url);
    if (!file) return response.writeHead(404).end();
    return response.setHeader('content-type', kTypes[path.extname(file)]).end(fs.readFileSync(file));
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${server.address().port}/`)));
}

// Whom Chromium believes to be Google.
function believe(certificate) {
  const key = new crypto.X509Certificate(certificate).publicKey.export({type: 'spki', format: 'der'});
  return `--ignore-certificate-errors-spki-list=${crypto.createHash('sha256').update(key).digest('base64')}`;
}

function serverKey(pem) {
  const {x, y} = crypto.createPublicKey(pem).export({format: 'jwk'});
  return Buffer.concat([Buffer.from([4]), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]).toString('base64url');
}

const say = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);

async function run(directory, profile) {
  const read = (name) => fs.readFileSync(path.join(directory, name));
  const google = new Google({cert: read('server.pem'), key: read('server.key')});
  const chromium = new Chromium(profile, [...await google.start(), believe(read('server.pem'))]);
  chromium.ended.then((status) => chromium.closing || fail(`Chromium has ended: ${status}`), fail);

  const inPage = await chromium.open(await serveSite());
  const subscription = await inPage(`subscribe('${serverKey(read('vapid.pem'))}')`);
  const token = path.basename(subscription.endpoint);
  say({subscription});
  for await (const line of readline.createInterface({input: process.stdin})) {
    const {deliver, pushes} = JSON.parse(line);
    if (deliver !== undefined) google.deliver(token, Buffer.from(deliver, 'base64'));
    if (pushes !== undefined) say(await inPage(`pushes(${Number(pushes)})`));
  }
  await chromium.close();
}

function fail(error) {
  console.error(error);
  process.exit(1);
}

run(...process.argv.slice(2)).then(() => process.exit(0), fail);
