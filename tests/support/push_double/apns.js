// Apple's provider API. Its words:
//   bad-request           a header, the path or the payload is not what Apple takes; the reason is Apple's
//   bad-preview           one that anybody could read, or that no extension would
//   bad-provider-token    not signed by our key, or with wrong claims, or over an hour old
//   token-minted-too-often   another token on one connection within 20 minutes
//   two-tokens-for-one-key   another token within 20 minutes, on whatever connection
'use strict';

const jose = require('jose');
const {isSealed} = require('./aes128gcm');

const kMaxPayloadBytes = 4096;
const kMaxCollapseBytes = 64;
const kMaxStoredS = 31 * 24 * 3600;
const kSkewS = 60;
const kUuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const kPushTypes = new Set(['alert', 'background']);
const kHeaders = new Set([':method', ':path', ':scheme', ':authority', 'authorization', 'apns-id', 'apns-topic', 'apns-push-type',
  'apns-priority', 'apns-expiration', 'apns-collapse-id', 'content-length', 'content-type', 'user-agent', 'accept', 'accept-encoding']);

class Refused extends Error {
  constructor(status, reason, kind = 'bad-request', detail = '') {
    super(detail ? `${reason}: ${detail}` : reason);
    Object.assign(this, {status, reason, kind});
  }
}

class Apns {
  constructor(name, keys, settings, record) {
    Object.assign(this, {name, keys, settings, record});
    this.firstStreamLimit = true;
    this.verified = new Map(); // provider token: its claims. What was verified once is not verified again
    this.current = undefined; // the token in use, whatever the connection: {token, at}
  }

  async examine(request) {
    let push;
    try {
      push = this.identify(request);
      await this.authenticate(request);
      this.checkHeaders(request);
      this.checkPayload(request, push);
      return {push};
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      return {push, refusal: {status: error.status, reason: error.reason}, violation: [error.kind, error.message]};
    }
  }

  identify({headers, body}) {
    if (headers[':method'] !== 'POST') throw new Refused(405, 'MethodNotAllowed');
    const [, token] = /^\/3\/device\/([0-9a-fA-F]+)$/.exec(headers[':path']) ?? [];
    if (!token || token.length % 2 !== 0) throw new Refused(404, 'BadPath');
    const id = headers['apns-id'] ?? '';
    if (!kUuid.test(id)) throw new Refused(400, 'BadMessageId');
    let payload;
    try {
      payload = JSON.parse(body.toString());
    } catch {
      throw new Refused(400, 'PayloadEmpty', 'bad-request', 'no JSON');
    }
    const kept = Object.entries(headers).filter(([name]) => name.startsWith('apns-'));
    const isNews = payload?.aps?.alert !== undefined;
    return {token, id, conversation: headers['apns-collapse-id'] ?? '', seq: isNews ? Number(payload.s ?? payload.seq ?? 0) : 0,
      payload, headers: Object.fromEntries(kept)};
  }

  async authenticate({headers, connection, at}) {
    const [, token] = /^bearer ([\w-]+\.[\w-]+\.[\w-]+)$/.exec(headers.authorization ?? '') ?? [];
    if (!token) throw new Refused(403, 'MissingProviderToken', 'bad-provider-token');
    const {iat} = await this.claims(token);
    const age = at / 1000 - iat;
    if (age > this.settings.provider_token_max_life_ms / 1000) {
      throw new Refused(403, 'ExpiredProviderToken', 'bad-provider-token', `${Math.round(age)} s old`);
    }
    if (age < -kSkewS) throw new Refused(403, 'InvalidProviderToken', 'bad-provider-token', 'of the future');
    this.judgeMinting(token, connection, at);
    connection.proven = true;
  }

  async claims(token) {
    if (this.verified.has(token)) return this.verified.get(token);
    const bad = (detail) => new Refused(403, 'InvalidProviderToken', 'bad-provider-token', detail);
    const {payload, protectedHeader} = await jose
      .jwtVerify(token, this.keys.apnsKey, {algorithms: ['ES256'], issuer: this.keys.teamId})
      .catch((error) => {
        throw bad(error.message);
      });
    if (protectedHeader.kid !== this.keys.keyId) throw bad('kid');
    if (!Number.isInteger(payload.iat)) throw bad('iat');
    this.verified.set(token, payload);
    return payload;
  }

  judgeMinting(token, connection, at) {
    const life = this.settings.provider_token_min_life_ms;
    if (connection.token !== undefined && connection.token !== token && at < connection.tokenAt + life) {
      throw new Refused(429, 'TooManyProviderTokenUpdates', 'token-minted-too-often', `connection ${connection.number}`);
    }
    if (connection.token !== token) Object.assign(connection, {token, tokenAt: at});
    if (this.current?.token === token) return;
    if (this.current && at < this.current.at + life && !this.current.refused) {
      this.record.violation(this.name, 'two-tokens-for-one-key', `${at - this.current.at} ms after the last`);
    }
    this.current = {token, at};
  }

  checkHeaders({headers, raw, at}) {
    const names = raw.filter((_, index) => index % 2 === 0);
    if (new Set(names).size !== names.length) throw new Refused(400, 'DuplicateHeaders');
    for (const name of names) {
      if (!kHeaders.has(name)) throw new Refused(400, 'UnknownHeader', 'bad-request', name);
    }
    const topic = headers['apns-topic'];
    if (topic === undefined) throw new Refused(400, 'MissingTopic');
    if (topic !== this.keys.topic) throw new Refused(400, 'TopicDisallowed', 'bad-request', topic);
    const type = headers['apns-push-type'];
    if (!kPushTypes.has(type)) throw new Refused(400, 'InvalidPushType');
    const priority = headers['apns-priority'];
    if (priority !== undefined && !/^(10|5|1)$/.test(priority)) throw new Refused(400, 'BadPriority');
    if (type === 'background' && priority !== '5') throw new Refused(400, 'BadPriority', 'bad-request', 'background needs 5');
    const expiration = headers['apns-expiration'];
    if (expiration !== undefined && (!/^\d+$/.test(expiration) || Number(expiration) > at / 1000 + kMaxStoredS)) {
      throw new Refused(400, 'BadExpirationDate', 'bad-request', expiration);
    }
    const collapse = headers['apns-collapse-id'];
    if (collapse !== undefined && (collapse === '' || Buffer.byteLength(collapse) > kMaxCollapseBytes)) {
      throw new Refused(400, 'BadCollapseId');
    }
  }

  checkPayload({headers, body}, {payload}) {
    if (body.length === 0) throw new Refused(400, 'PayloadEmpty');
    if (body.length > kMaxPayloadBytes) throw new Refused(413, 'PayloadTooLarge');
    const {aps} = payload ?? {};
    if (typeof aps !== 'object' || aps === null) throw new Refused(400, 'PayloadEmpty', 'bad-request', 'no aps');
    if (payload.preview !== undefined && !(isSealed(payload.preview) && aps['mutable-content'] === 1 && aps.alert)) {
      throw new Refused(400, 'PayloadEmpty', 'bad-preview', 'preview');
    }
    const visible = aps.alert !== undefined || aps.badge !== undefined || aps.sound !== undefined;
    if (aps.badge !== undefined && !Number.isInteger(aps.badge)) throw new Refused(400, 'PayloadEmpty', 'bad-request', 'the badge');
    if (headers['apns-push-type'] === 'background' ? visible || aps['content-available'] !== 1 : !visible) {
      throw new Refused(400, 'InvalidPushType', 'bad-request', 'it does not match the payload');
    }
  }

  accept({id}) {
    return {status: 200, id};
  }

  answer({status, reason, timestamp, id}) {
    // A test plans it: the token in use is not good any more, and another is right.
    if (reason === 'ExpiredProviderToken' && this.current) this.current.refused = true;
    if (status === 200) return {status, headers: {'apns-id': id}};
    return {status, headers: {'content-type': 'application/json'}, body: JSON.stringify({reason, timestamp})};
  }
}

module.exports = {Apns};
