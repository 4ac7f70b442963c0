// push_bridge/fcm_sender.h: Firebase Cloud Messaging, its HTTP v1 API.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "acl/signing_key.h"
#include "protocol/result.h"
#include "push_bridge/sender.h"

namespace duet {

// What a service account's file says.
struct ServiceAccount {
  std::string project_id;
  std::string client_email;
  std::string private_key_id;  // may be empty
  SigningKey private_key;      // RS256
  std::string token_uri;
};

// Reads the JSON file that Google gives for a service account. The error is a sentence without the key.
Result<ServiceAccount, std::string> parse_service_account(std::string_view json);

struct FcmOptions {
  ServiceAccount account;
  std::string url = "https://fcm.googleapis.com";
  std::uint64_t seed = 0;  // of the jitter
};

// Throws std::invalid_argument, naming the option, when one cannot be used.
std::unique_ptr<Sender> make_fcm_sender(FcmOptions options);

}  // namespace duet
