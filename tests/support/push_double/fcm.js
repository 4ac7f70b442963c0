// Firebase Cloud Messaging, HTTP v1. Its words:
//   bad-message      not what the API takes
//   bad-habit        what it takes, and what makes messages late or collapse (priority, collapse_key, notification)
//   bad-preview      one that anybody could read, or of what is no message
//   bad-credentials  an access token that was never given
'use strict';

const {isSealed} = require('./aes128gcm');

const kMaxBytes = 4096;
const kMaxTtlS = 2_419_200;
const kReserved = /^(from|message_type|google.*|gcm.*)$/;
const kUuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const kAndroidFields = new Set(['priority', 'ttl', 'restricted_package_name', 'direct_boot_ok']);

const kError = 'type.googleapis.com/google.firebase.fcm.v1.FcmError';
const kStatusOf = {400: 'INVALID_ARGUMENT', 401: 'UNAUTHENTICATED', 403: 'PERMISSION_DENIED', 404: 'NOT_FOUND',
  429: 'RESOURCE_EXHAUSTED', 500: 'INTERNAL', 503: 'UNAVAILABLE'};
// Those of google.rpc.Code alone, with no FcmError.
const kRpcOnly = new Set(['UNAUTHENTICATED', 'PERMISSION_DENIED', 'NOT_FOUND']);

class Wrong extends Error {
  constructor(kind, what) {
    super(what);
    this.kind = kind;
  }
}

function must(kind, what, right) {
  if (!right) throw new Wrong(kind, what);
}

function only(fields, object, what) {
  for (const name of Object.keys(object)) must('bad-message', `unknown field ${what}.${name}`, fields.has(name));
}

function isObject(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

class Fcm {
  constructor(keys, oauth) {
    this.keys = keys;
    this.oauth = oauth;
    this.firstStreamLimit = false;
    this.messages = 0;
  }

  async examine({headers, body}) {
    let push;
    try {
      this.checkHeaders(headers);
      push = this.read(body);
      const [, token] = /^Bearer (\S+)$/.exec(headers.authorization ?? '') ?? [];
      if (!this.oauth.knows(token)) {
        const expired = /^ya29\./.test(token ?? '');
        return {push, refusal: {status: 401, reason: 'UNAUTHENTICATED'},
          violation: expired ? undefined : ['bad-credentials', 'no access token of ours']};
      }
      this.checkHabits(push);
    } catch (error) {
      if (!(error instanceof Wrong)) throw error;
      return {push, refusal: {status: 400, reason: 'INVALID_ARGUMENT', field: error.message}, violation: [error.kind, error.message]};
    }
    const {message, ...rest} = push;
    return {push: rest};
  }

  checkHeaders(headers) {
    must('bad-message', 'the method', headers[':method'] === 'POST');
    must('bad-message', `the path ${headers[':path']}`, headers[':path'] === `/v1/projects/${this.keys.project}/messages:send`);
    must('bad-message', 'the content type', /^application\/json(; *charset=utf-8)?$/i.test(headers['content-type'] ?? ''));
  }

  read(body) {
    let said;
    try {
      said = JSON.parse(body.toString());
    } catch {
      throw new Wrong('bad-message', 'no JSON');
    }
    must('bad-message', 'no object', isObject(said));
    only(new Set(['message', 'validate_only']), said, '');
    must('bad-message', 'validate_only', said.validate_only !== true);
    const {message} = said;
    must('bad-message', 'no message', isObject(message));
    only(new Set(['token', 'data', 'android', 'notification', 'apns', 'webpush', 'fcm_options']), message, 'message');
    must('bad-message', 'no token', typeof message.token === 'string' && message.token.length > 0);
    const data = message.data ?? {};
    must('bad-message', 'data', isObject(data));
    for (const [name, value] of Object.entries(data)) {
      must('bad-message', `data.${name} is no string`, typeof value === 'string');
      must('bad-message', `data.${name} is reserved`, !kReserved.test(name));
    }
    must('bad-message', 'too large', Buffer.byteLength(JSON.stringify(data)) <= kMaxBytes);
    const id = [data.push_id, data.id].find((value) => kUuid.test(value ?? '')) ?? '';
    const seq = data.kind === 'badge' ? 0 : Number(data.seq ?? 0);
    const conversation = data.conversation ?? data.c ?? '';
    return {token: message.token, id, seq, conversation, payload: message, headers: {}, message};
  }

  checkHabits({message, id}) {
    const {android = {}, notification} = message;
    must('bad-habit', 'a notification message', notification === undefined);
    must('bad-habit', 'collapse_key', android.collapse_key === undefined);
    only(kAndroidFields, android, 'android');
    // What shows nothing must not be of high priority: Android takes all the app's for less then.
    const priority = message.data?.kind === 'badge' ? 'NORMAL' : 'HIGH';
    must('bad-habit', `priority not ${priority}`, android.priority === priority);
    if (android.ttl !== undefined) {
      const [, seconds] = /^(\d+(?:\.\d{1,9})?)s$/.exec(android.ttl) ?? [];
      must('bad-message', 'android.ttl', seconds !== undefined && Number(seconds) <= kMaxTtlS);
    }
    const {kind, preview} = message.data ?? {};
    must('bad-preview', 'data.preview', preview === undefined || (kind === 'message' && isSealed(preview)));
    must('bad-habit', 'no UUID of the push in data (push_id)', id !== '');
  }

  accept() {
    this.messages += 1;
    return {status: 200, name: `projects/${this.keys.project}/messages/0:${Date.now()}%${this.messages}`};
  }

  answer({status, reason = '', name, field, details, message}) {
    const headers = {'content-type': 'application/json; charset=UTF-8'};
    if (name) return {status, headers, body: JSON.stringify({name})};
    const error = {code: status, message: message ?? `${reason} (the double)`, status: kStatusOf[status] ?? 'UNKNOWN'};
    if (details) error.details = details;
    else if (field) {
      error.details = [{'@type': 'type.googleapis.com/google.rpc.BadRequest', fieldViolations: [{field: 'message', description: field}]}];
    } else if (reason === 'UNAUTHENTICATED') {
      error.details = [{'@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: 'ACCESS_TOKEN_EXPIRED', domain: 'googleapis.com'}];
    } else if (reason && !kRpcOnly.has(reason)) {
      error.details = [{'@type': kError, errorCode: reason}];
    }
    return {status, headers, body: JSON.stringify({error})};
  }
}

module.exports = {Fcm};
