// What a sender for FCM sends.
'use strict';

const crypto = require('node:crypto');
const jose = require('jose');
const {double, connect, closed, post, seconds, nextSeq} = require('./double');

function assertion(claims = {}, header = {}, key = crypto.createPrivateKey(double.keys.account.private_key)) {
  const {client_email: iss, token_uri: aud, private_key_id: kid} = double.keys.account;
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

function message({token = 'device-1', id = crypto.randomUUID(), seq = String(nextSeq()), ...more} = {}) {
  return {token, data: {push_id: id, kind: 'message', conversation: 'c1', seq, badge: '2'}, android: {priority: 'HIGH', ttl: '3600s'}, ...more};
}

function sendFcm(session, token, said, type = 'application/json') {
  const headers = {authorization: `Bearer ${token}`, 'content-type': type};
  return post(session, `/v1/projects/${double.ready.project}/messages:send`, headers, JSON.stringify({message: said}));
}

module.exports = {assertion, grant, accessToken, message, sendFcm};
