// Google's token endpoint for service accounts (RFC 7523). Its words:
//   bad-grant           what it was asked is wrong
//   grant-while-fresh   an access token has most of its life before it, and nobody refused it
'use strict';

const crypto = require('node:crypto');
const jose = require('jose');

const kScope = 'https://www.googleapis.com/auth/firebase.messaging';
const kGrant = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const kMaxLifeS = 3600;
const kSkewS = 60;
const kStormMs = 1000;

class Oauth {
  constructor(keys, settings, record) {
    Object.assign(this, {keys, settings, record});
    this.tokens = new Map(); // access token: until when, in milliseconds
    this.fresh = undefined; // the last grant: {at, until}
    this.hosts = []; // where a sender that got a token is connected
    this.firstStreamLimit = false;
  }

  // Whether an access token is good. Telling its owner that it is not makes a grant right.
  knows(token) {
    if ((this.tokens.get(token) ?? 0) > Date.now()) return true;
    this.fresh = undefined;
    return false;
  }

  expireAll() {
    this.tokens.clear();
    this.fresh = undefined;
  }

  async examine({headers, body}) {
    const push = {token: '', id: 'grant', unlisted: true, conversation: '', payload: {}, headers: {}};
    try {
      await this.check(headers, body);
    } catch (error) {
      this.record.count('oauth', 'refused');
      return {push: {...push, id: ''}, refusal: {status: 400, reason: 'invalid_grant'}, violation: ['bad-grant', error.message]};
    }
    const storm = this.isStorm();
    return {push, violation: storm ? ['grant-while-fresh', storm] : undefined};
  }

  async check(headers, body) {
    const is = (what, right) => {
      if (!right) throw new Error(what);
    };
    is('the method', headers[':method'] === 'POST');
    is('the path', headers[':path'] === '/token');
    is('the content type', headers['content-type'] === 'application/x-www-form-urlencoded');
    const form = new URLSearchParams(body.toString());
    is('the fields of the form', [...form.keys()].sort().join() === 'assertion,grant_type');
    is('the grant type', form.get('grant_type') === kGrant);
    const {payload, protectedHeader} = await jose.jwtVerify(form.get('assertion'), this.keys.accountKey, {
      algorithms: ['RS256'],
      issuer: this.keys.clientEmail,
      audience: this.keys.tokenUri,
    });
    is('typ', protectedHeader.typ === 'JWT');
    is('kid', protectedHeader.kid === undefined || protectedHeader.kid === this.keys.privateKeyId);
    is('scope', payload.scope === kScope);
    const now = Date.now() / 1000;
    is('iat', Number.isInteger(payload.iat) && payload.iat <= now + kSkewS);
    is('exp', Number.isInteger(payload.exp) && payload.exp > payload.iat && payload.exp <= payload.iat + kMaxLifeS);
  }

  // A new process has no token, and none of the old one's connections.
  isStorm() {
    const now = Date.now();
    if (!this.fresh || now > this.fresh.at + this.settings.fresh_share * (this.fresh.until - this.fresh.at)) return undefined;
    const age = now - this.fresh.at;
    const sameProcess = this.hosts.some((host) => [...host.connections].some(({since}) => since <= this.fresh.at));
    return sameProcess || age < kStormMs ? `${age} ms after the last` : undefined;
  }

  accept() {
    const token = `ya29.${crypto.randomBytes(60).toString('base64url')}`;
    const at = Date.now();
    this.fresh = {at, until: at + this.settings.access_token_life_s * 1000};
    this.tokens.set(token, this.fresh.until);
    this.record.count('oauth', 'grants');
    return {status: 200, token};
  }

  answer({status, reason, token}) {
    const said = token
      ? {access_token: token, expires_in: this.settings.access_token_life_s, token_type: 'Bearer'}
      : {error: reason ?? 'internal_failure', error_description: 'Invalid JWT: check your iat and exp'};
    return {status, headers: {'content-type': 'application/json; charset=UTF-8'}, body: JSON.stringify(said)};
  }
}

module.exports = {Oauth};
