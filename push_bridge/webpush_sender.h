// push_bridge/webpush_sender.h: Web Push (RFC 8030) with VAPID (RFC 8292) and encrypted messages (RFC 8291).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "acl/signing_key.h"
#include "push_bridge/sender.h"

namespace duet {

// The push services of Chrome, Chromium, Firefox, Edge and Safari.
std::vector<std::string> known_webpush_hosts();

struct WebPushOptions {
  std::string subject;  // whom a push service may write to: a mailto: or https: URL
  SigningKey key;       // ES256: the application server key that browsers subscribe with
  // Endpoints are the clients' word: only these are posted to. "example.net" is that host and every host
  // below it; with a port ("127.0.0.1:8443") exactly that host at that port, which is for tests.
  std::vector<std::string> allowed_hosts = known_webpush_hosts();
  std::uint64_t seed = 0;  // of the jitter
};

// Throws std::invalid_argument, naming the option, when one cannot be used.
std::unique_ptr<Sender> make_webpush_sender(WebPushOptions options);

}  // namespace duet
