// push_bridge/apns_sender.h: Apple Push Notification service, its provider API.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "acl/signing_key.h"
#include "push_bridge/sender.h"
#include "push_bridge/token_memory.h"

namespace duet {

struct ApnsOptions {
  std::string topic;                    // the app's bundle id
  std::string team_id;                  // 10 characters
  std::string key_id;                   // 10 characters: the name of `key` at Apple's
  SigningKey key;                       // ES256: the .p8 file
  std::shared_ptr<TokenMemory> memory;  // shared by the senders of several apps
  std::string url_production = "https://api.push.apple.com";
  std::string url_sandbox = "https://api.sandbox.push.apple.com";
  // After an error of Apple's (5xx), the last one again and again. Apple advises 15 minutes.
  std::vector<std::chrono::seconds> server_error_delays{std::chrono::seconds(30), std::chrono::minutes(2),
                                                        std::chrono::minutes(15)};
  std::uint64_t seed = 0;  // of the jitter
};

// Throws std::invalid_argument, naming the option, when one cannot be used.
std::unique_ptr<Sender> make_apns_sender(ApnsOptions options);

}  // namespace duet
