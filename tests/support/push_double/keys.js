// The keys of a sender, and the certificate of the providers. Files of mode 0600 in one directory:
//   ca.pem      whom the sender has to believe
//   fcm.json    a service account
//   apns.p8     a provider key (PKCS #8)
//   vapid.pem   an application server's key (PKCS #8)
'use strict';

const crypto = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');
const {execFileSync} = require('node:child_process');

const project = 'duet-test';
const clientEmail = `bridge@${project}.iam.gserviceaccount.com`;

function makeCertificate(directory, name, extension, signer) {
  const file = (suffix) => path.join(directory, suffix);
  const signed = signer ? ['-CA', file(`${signer}.pem`), '-CAkey', file(`${signer}.key`)] : [];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2',
    '-subj', `/CN=duet ${name}`, '-addext', extension, '-keyout', file(`${name}.key`), '-out', file(`${name}.pem`),
    ...signed], {stdio: ['ignore', 'ignore', 'pipe']});
}

function makeKeys(directory) {
  const write = (name, text) => fs.writeFileSync(path.join(directory, name), text, {mode: 0o600});
  const pem = (key) => key.export({type: 'pkcs8', format: 'pem'});
  makeCertificate(directory, 'ca', 'basicConstraints=critical,CA:TRUE');
  makeCertificate(directory, 'server', 'subjectAltName=IP:127.0.0.1,DNS:localhost', 'ca');

  const account = crypto.generateKeyPairSync('rsa', {modulusLength: 2048});
  const apns = crypto.generateKeyPairSync('ec', {namedCurve: 'P-256'});
  const vapid = crypto.generateKeyPairSync('ec', {namedCurve: 'P-256'});
  write('apns.p8', pem(apns.privateKey));
  write('vapid.pem', pem(vapid.privateKey));
  const privateKeyId = crypto.randomBytes(20).toString('hex');
  const {x, y} = vapid.publicKey.export({format: 'jwk'});

  return {
    certificate: fs.readFileSync(path.join(directory, 'server.pem')),
    certificateKey: fs.readFileSync(path.join(directory, 'server.key')),
    project,
    clientEmail,
    privateKeyId,
    accountKey: account.publicKey,
    apnsKey: apns.publicKey,
    teamId: 'DUETTEAM01',
    keyId: 'DUETKEY001',
    topic: 'com.example.duet',
    vapidKey: vapid.publicKey,
    vapidPoint: Buffer.concat([Buffer.from([4]), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]),
    tokenUri: undefined, // known once somebody listens there
    writeServiceAccount(tokenUri) {
      this.tokenUri = tokenUri;
      write('fcm.json', JSON.stringify({
        type: 'service_account',
        project_id: project,
        private_key_id: privateKeyId,
        private_key: pem(account.privateKey),
        client_email: clientEmail,
        token_uri: tokenUri,
      }, null, 2));
    },
  };
}

module.exports = {makeKeys};
