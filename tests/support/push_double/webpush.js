// A browser vendor's push service (RFC 8030), and the browser that has the keys to read what it is sent (RFC 8291).
// Its words:
//   bad-request       a header or the path
//   bad-vapid         the application server's token (RFC 8292)
//   bad-encryption    the browser cannot read it
//   reused-key        a salt or a sender's key came before, with another message
'use strict';

const crypto = require('node:crypto');
const ece = require('http_ece');
const jose = require('jose');
const {decrypt, Unreadable} = require('./aes128gcm');

const kMaxBodyBytes = 4096;
const kMaxVapidLifeS = 24 * 3600;
const kUrgencies = new Set(['very-low', 'low', 'normal', 'high']);
const kUuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

class Refused extends Error {
  constructor(status, kind, detail) {
    super(detail);
    Object.assign(this, {status, kind});
  }
}

class WebPush {
  constructor(keys, record) {
    this.keys = keys;
    this.record = record;
    this.firstStreamLimit = false;
    this.origin = '';
    this.subscriptions = new Map(); // by the end of the endpoint's path; null for another browser's
    this.verified = new Map(); // VAPID token: its claims
    this.seen = new Map(); // salt and sender's key: the hash of the message
    this.messages = 0;
  }

  subscribe() {
    const key = crypto.createECDH('prime256v1');
    key.generateKeys();
    const secret = crypto.randomBytes(16);
    const token = crypto.randomBytes(32).toString('base64url');
    this.subscriptions.set(token, {key, secret});
    const keys = {p256dh: key.getPublicKey().toString('base64url'), auth: secret.toString('base64url')};
    return {endpoint: `${this.origin}/push/${token}`, expirationTime: null, keys};
  }

  // What somebody has encrypted to the keys of a subscription, wherever it came: an app that reads a preview.
  decrypt({token, body}) {
    return read(this.subscriptions.get(token), Buffer.from(body, 'base64url'));
  }

  // A subscription of a browser that has its keys itself. What is posted to the endpoint, which is returned, is recorded
  // as it came.
  adopt({token}) {
    this.subscriptions.set(token, null);
    return {endpoint: `${this.origin}/push/${token}`};
  }

  async examine(request) {
    const {headers, body} = request;
    const [, token] = /^\/push\/([\w-]+)$/.exec(headers[':path']) ?? [];
    const subscription = this.subscriptions.get(token);
    const push = {token: token ?? '', id: '', conversation: headers.topic ?? '', seq: 0, payload: {},
      headers: {ttl: headers.ttl, urgency: headers.urgency, topic: headers.topic}};
    try {
      if (headers[':method'] !== 'POST') throw new Refused(405, 'bad-request', 'the method');
      if (subscription === undefined) throw new Refused(404, 'bad-request', 'nobody subscribed there');
      this.checkHeaders(headers, body);
      await this.authenticate(headers.authorization ?? '');
      this.checkFresh(body);
      if (subscription) push.payload = read(subscription, body);
      else push.body = body.toString('base64url');
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      return {push, refusal: {status: error.status, reason: ''}, violation: [error.kind, error.message]};
    }
    const said = push.payload;
    push.id = [said?.push_id, said?.id].find((value) => kUuid.test(value ?? '')) ?? '';
    push.seq = Number(said?.seq ?? said?.s ?? 0);
    return {push};
  }

  checkHeaders(headers, body) {
    const must = (right, detail, status = 400) => {
      if (!right) throw new Refused(status, 'bad-request', detail);
    };
    must(/^\d+$/.test(headers.ttl ?? ''), 'TTL');
    must(headers.urgency === undefined || kUrgencies.has(headers.urgency), 'Urgency');
    must(headers.topic === undefined || /^[\w-]{1,32}$/.test(headers.topic), 'Topic');
    must(headers['content-encoding'] === 'aes128gcm', 'Content-Encoding', 415);
    must(headers['crypto-key'] === undefined && headers.encryption === undefined, 'headers of a draft');
    must(body.length <= kMaxBodyBytes, 'too large', 413);
  }

  async authenticate(authorization) {
    const must = (right, detail) => {
      if (!right) throw new Refused(403, 'bad-vapid', detail);
    };
    const [, token, key] = /^vapid t=([\w-]+\.[\w-]+\.[\w-]+), ?k=([\w-]+)$/i.exec(authorization) ?? [];
    must(token !== undefined, 'Authorization');
    must(key === this.keys.vapidPoint.toString('base64url'), 'not the key that was subscribed with');
    const now = Date.now() / 1000;
    const {exp, sub} = await this.claims(token, must);
    must(exp > now && exp <= now + kMaxVapidLifeS, 'exp');
    must(/^(mailto:[^@\s]+@\S+|https:\/\/\S+)$/.test(sub ?? ''), 'sub');
  }

  async claims(token, must) {
    if (this.verified.has(token)) return this.verified.get(token);
    const options = {algorithms: ['ES256'], audience: this.origin};
    const verified = await jose.jwtVerify(token, this.keys.vapidKey, options).catch((error) => error);
    must(!(verified instanceof Error), verified.message);
    must(typeof verified.payload.aud === 'string', 'aud');
    this.verified.set(token, verified.payload);
    return verified.payload;
  }

  checkFresh(body) {
    const salt = body.subarray(0, 86).toString('base64');
    const hash = crypto.createHash('sha256').update(body).digest('base64');
    if (this.seen.has(salt) && this.seen.get(salt) !== hash) throw new Refused(400, 'reused-key', 'another message with it');
    this.seen.set(salt, hash);
  }

  accept() {
    this.messages += 1;
    return {status: 201, location: `${this.origin}/message/${this.messages}`};
  }

  answer({status, location}) {
    return {status, headers: location ? {location} : {}};
  }
}

// What the message says, as our own receiver and another one read it.
function read({key, secret}, body) {
  try {
    const text = decrypt(body, key, secret);
    const again = ece.decrypt(body, {version: 'aes128gcm', privateKey: key, authSecret: secret.toString('base64url')});
    if (!again.equals(text)) throw new Unreadable('another receiver reads something else');
    return JSON.parse(text.toString());
  } catch (error) {
    if (!(error instanceof Unreadable) && !(error instanceof SyntaxError)) throw error;
    throw new Refused(400, 'bad-encryption', error.message);
  }
}

module.exports = {WebPush};
