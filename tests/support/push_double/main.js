// FCM, Google's token endpoint, APNs (production and sandbox) and Web Push on loopback, for the tests of what sends
// to them. Each is as strict as the real one or stricter, verifies signatures with an implementation of its own, and
// keeps what a sender does wrong, in what it sends (fcm.js, apns.js, webpush.js, oauth.js) as in how it behaves
// (behaviour.js, host.js).
//
//   node main.js DIRECTORY [PORT…]   writes keys and a CA there, prints one line of JSON with ports and names when it is
//                                    ready, and ends with its input. control.js says how it is asked and told.
//                                    Ports: of the providers, in the order of `providers` below; else any
'use strict';

const {Apns} = require('./apns');
const {Behaviour} = require('./behaviour');
const {Faults} = require('./faults');
const {Fcm} = require('./fcm');
const {Host} = require('./host');
const {Oauth} = require('./oauth');
const {Record} = require('./record');
const {WebPush} = require('./webpush');
const {listenForControl} = require('./control');
const {makeKeys} = require('./keys');
const {makeSettings} = require('./settings');

async function start(directory, ports) {
  const settings = makeSettings();
  const keys = makeKeys(directory);
  const record = new Record(settings);
  const faults = new Faults();
  const behaviour = new Behaviour(settings, record);

  const oauth = new Oauth(keys, settings, record);
  const webpush = new WebPush(keys, record);
  const providers = {
    oauth,
    fcm: new Fcm(keys, oauth),
    apns: new Apns('apns', keys, settings, record),
    apns_sandbox: new Apns('apns_sandbox', keys, settings, record),
    webpush,
  };
  const hosts = {};
  const urls = {};
  for (const [name, provider] of Object.entries(providers)) {
    const port = Number(ports.shift() ?? 0);
    hosts[name] = new Host({name, provider, port, keys, settings, record, faults, behaviour});
    urls[name] = `https://127.0.0.1:${await hosts[name].up()}`;
  }
  oauth.hosts = [hosts.oauth, hosts.fcm];
  webpush.origin = urls.webpush;
  keys.writeServiceAccount(`${urls.oauth}/token`);

  const control = await listenForControl({hosts, record, faults, behaviour, oauth, webpush, settings});
  const {project, teamId, keyId, topic} = keys;
  process.stdout.write(JSON.stringify({control, urls, project, team_id: teamId, key_id: keyId, topic}) + '\n');
}

process.stdin.on('end', () => process.exit(0)).resume();
start(process.argv[2], process.argv.slice(3)).catch((error) => {
  console.error(error);
  process.exit(1);
});
