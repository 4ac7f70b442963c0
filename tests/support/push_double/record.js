// What came, what was accepted, and what was wrong.
'use strict';

const kMaxViolations = 1000;
const kMaxRequests = 1000;

class Record {
  constructor(settings) {
    this.settings = settings;
    this.counters = {};
    this.forget();
  }

  forget() {
    this.accepted = [];
    this.violations = [];
    this.requests = [];
    this.acceptedIds = new Map(); // by provider and id: how often
    for (const [name, {open}] of Object.entries(this.counters)) this.counters[name] = noCounters(open);
  }

  of(provider) {
    return this.counters[provider] ??= noCounters(0);
  }

  count(provider, what) {
    const counters = this.of(provider);
    counters[what] = (counters[what] ?? 0) + 1;
  }

  peak(provider, what, value) {
    const counters = this.of(provider);
    counters[what] = Math.max(counters[what], value);
  }

  accept(provider, push) {
    this.count(provider, 'accepted');
    if (push.unlisted) return;
    const key = `${provider} ${push.id}`;
    const before = push.id ? this.acceptedIds.get(key) ?? 0 : 0;
    this.acceptedIds.set(key, before + 1);
    if (before > 0) this.count(provider, 'duplicates');
    this.accepted.push({provider, ...push, duplicate: before > 0});
    if (this.accepted.length > this.settings.keep) this.accepted.shift();
  }

  // Every request as it came, the last of them.
  request(provider, headers, body) {
    this.requests.push({provider, headers: {...headers}, body: body.toString('base64url')});
    if (this.requests.length > kMaxRequests) this.requests.shift();
  }

  violation(provider, kind, detail) {
    this.count(provider, 'violations');
    if (this.violations.length < kMaxViolations) this.violations.push({provider, kind, detail, at: Date.now()});
  }

  opened(provider) {
    const counters = this.of(provider);
    counters.connections += 1;
    counters.open += 1;
    this.peak(provider, 'peak_open', counters.open);
    return counters.open;
  }

  closed(provider) {
    this.of(provider).open -= 1;
  }
}

function noCounters(open) {
  return {requests: 0, accepted: 0, duplicates: 0, violations: 0, connections: 0, open, peak_open: open, peak_streams: 0};
}

module.exports = {Record};
