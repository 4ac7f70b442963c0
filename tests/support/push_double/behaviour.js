// What a sender does over several requests, which it is known by: a push by its id. Its words:
//   early-retry         sooner than Retry-After, or than the provider's documentation allows
//   repeat-of-refused   what was refused for good is asked for again
//   push-after-dead     to a device whose token was told dead
//   another-id          the same news for the same device under another id
'use strict';

// Reasons that a later attempt may not have: that wait is over, or another provider token is sent.
const kMayRepeat = new Set(['IdleTimeout', 'ExpiredProviderToken', 'TooManyProviderTokenUpdates', 'UNAUTHENTICATED']);
const kDead = new Set(['Unregistered', 'ExpiredToken', 'UNREGISTERED', 'gone']);
const kConnectionOnly = new Set(['Shutdown']);
// … of the configuration, although the status is that of a wrong push.
const kMayBePutRight = new Set(['TopicDisallowed', 'MissingTopic', 'BadTopic', 'BadDeviceToken', 'DeviceTokenNotForTopic']);
// A push that is wrong stays wrong. Configuration (401, 403) may be put right.
const kForGood = new Set([400, 404, 405, 410, 413]);
const kUnderstood = new Set([401, 403, ...kForGood]);

class Behaviour {
  constructor(settings, record) {
    this.settings = settings;
    this.record = record;
    this.told = new Map(); // by provider and push: what it was told last
    this.dead = new Map(); // by provider and token: when that was told
    this.ids = new Map(); // by provider, token, conversation and sequence number
    this.attempts = new Map(); // by provider and push
  }

  revive(provider, token) {
    this.dead.delete(`${provider} ${token}`);
  }

  // The sender's configuration was put right: what was refused for it may come again now.
  mended() {
    for (const [key, {refused, wait}] of this.told) {
      if (refused && wait < Infinity) this.told.delete(key);
    }
  }

  // A request has come, at `at`; one without an id is judged by nothing. Returns which attempt of the push it is.
  arrived(provider, push, at) {
    if (!push.id) return 1;
    const key = `${provider} ${push.id}`;
    this.judgeRetry(provider, key, push, at);
    const dead = this.dead.get(`${provider} ${push.token}`);
    if (dead !== undefined && at > dead + this.settings.dead_grace_ms) {
      this.record.violation(provider, 'push-after-dead', `${push.id}, ${at - dead} ms after its token was told dead`);
    }
    this.judgeId(provider, push);
    const attempt = (this.attempts.get(key) ?? 0) + 1;
    this.remember(this.attempts, key, attempt);
    return attempt;
  }

  judgeRetry(provider, key, push, at) {
    const told = this.told.get(key);
    if (!told || (provider === 'oauth' && at < told.at)) return; // it was on its way already: another app's grant
    const waited = at - told.at;
    const {status, reason} = told;
    if (waited + this.settings.clock_slack_ms < told.wait) {
      const kind = told.refused ? 'repeat-of-refused' : 'early-retry';
      this.record.violation(provider, kind, `${push.id}, ${waited} ms after ${status} ${reason}, not ${told.wait}`);
    }
  }

  judgeId(provider, push) {
    if (!push.seq) return;
    const key = `${provider} ${push.token} ${push.conversation} ${push.seq}`;
    const before = this.ids.get(key);
    if (before !== undefined && before !== push.id) {
      this.record.violation(provider, 'another-id', `${push.id} repeats ${before}`);
    }
    this.remember(this.ids, key, push.id);
  }

  // It was answered so. `retryAfter`: seconds, if the answer said any.
  answered(provider, push, {status, reason = '', retryAfter, dead = true}) {
    const at = Date.now();
    if (dead && kDead.has(reason)) this.dead.set(`${provider} ${push.token}`, at);
    if (!push.id) return;
    const key = `${provider} ${push.id}`;
    const refused = status < 500 && status !== 429;
    this.remember(this.told, key, {at, status, reason, refused, wait: this.wait(provider, status, reason, retryAfter)});
  }

  // How long nothing of the kind may come, in milliseconds.
  wait(provider, status, reason, retryAfter) {
    if (status < 300 || kMayRepeat.has(reason) || kConnectionOnly.has(reason)) return 0;
    if (retryAfter !== undefined) return retryAfter * 1000;
    const google = provider === 'fcm' || provider === 'oauth';
    if (status === 429) return google ? this.settings.fcm_min_quota_retry_ms : 0;
    if (status >= 500) {
      if (google) return this.settings.fcm_min_retry_ms;
      return provider === 'webpush' ? 0 : this.settings.apns_min_retry_ms;
    }
    if (!kUnderstood.has(status)) return this.settings.unknown_min_repeat_ms;
    const configuration = kMayBePutRight.has(reason) || provider === 'oauth' ||
      (provider === 'webpush' && status === 400) || (provider === 'fcm' && status === 404 && reason !== 'UNREGISTERED');
    return kForGood.has(status) && !configuration ? Infinity : this.settings.refused_min_repeat_ms;
  }

  remember(map, key, value) {
    map.delete(key);
    map.set(key, value);
    if (map.size > this.settings.keep) map.delete(map.keys().next().value);
  }
}

module.exports = {Behaviour};
