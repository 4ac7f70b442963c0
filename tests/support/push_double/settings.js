// The bounds that senders are judged by. A test may set each (control.js): where it says so is where it is lenient.
'use strict';

function makeSettings() {
  return {
    clock_slack_ms: 50, // of "sooner than": timers round
    dead_grace_ms: 1000, // what was on its way when a token was told dead
    fcm_min_retry_ms: 10_000, // 5xx without Retry-After
    fcm_min_quota_retry_ms: 60_000, // 429 without Retry-After
    apns_min_retry_ms: 10_000, // 5xx that are not about the connection
    refused_min_repeat_ms: 50_000, // what was refused for our configuration is asked for once a minute
    unknown_min_repeat_ms: 10_000, // what no documentation has
    max_connections: 4, // open at once to one host
    provider_token_min_life_ms: 20 * 60_000,
    provider_token_max_life_ms: 60 * 60_000,
    access_token_life_s: 3599,
    fresh_share: 0.5, // of an access token's life: within it nobody needs another
    disturbance_ms: 10_000, // so long after the double ended connections, a burst on a new one is its own doing
    keep: 200_000, // accepted requests, and as many jobs
  };
}

module.exports = {makeSettings};
