// The double as a process that stays, for a platform that has no push services of its own to talk to.
//
//   node standalone.js DIRECTORY
//
// In DIRECTORY there are then the keys, push.toml, which configures duet-push's apps ("duet" with each service), and
// last `ready`, which holds the process id. Ends with SIGTERM, or when the double does.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const {spawn} = require('node:child_process');

const directory = path.resolve(process.argv[2]);
const file = (name) => path.join(directory, name);
const quoted = (text) => JSON.stringify(text); // a basic string of TOML, for what is in these

function apps({urls, team_id: team, key_id: key, topic}) {
  return `[tls]
ca_file = ${quoted(file('ca.pem'))}

[[fcm]]
app = "duet"
credentials_file = ${quoted(file('fcm.json'))}
url = ${quoted(urls.fcm)}

[[apns]]
app = "duet"
topic = ${quoted(topic)}
team_id = ${quoted(team)}
key_id = ${quoted(key)}
key_file = ${quoted(file('apns.p8'))}
url_production = ${quoted(urls.apns)}
url_sandbox = ${quoted(urls.apns_sandbox)}

[[webpush]]
app = "duet"
subject = "mailto:operator@example.com"
key_file = ${quoted(file('vapid.pem'))}
allowed_hosts = [${quoted(new URL(urls.webpush).host)}]
`;
}

const double = spawn(process.execPath, [path.join(__dirname, 'main.js'), directory], {stdio: ['pipe', 'pipe', 'inherit']});
double.on('exit', (status) => process.exit(status ?? 1));
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => process.exit(0)); // its input ends with us

let said = '';
double.stdout.on('data', (text) => {
  const whole = said.includes('\n');
  said += text;
  if (whole || !said.includes('\n')) return;
  fs.writeFileSync(file('push.toml'), apps(JSON.parse(said)), {mode: 0o600});
  fs.writeFileSync(file('ready.new'), String(process.pid));
  fs.renameSync(file('ready.new'), file('ready'));
});
