// tests/support/push_double.h: FCM, Google's token endpoint, APNs and Web Push on loopback, as strict as the
// real ones, or stricter (tests/support/push_double/, Node.js). What a sender does wrong is kept, and why.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/process.h"

namespace duet {

enum class PushProvider : std::uint8_t { fcm, oauth, apns, apns_sandbox, webpush };

// What happens to requests instead of what should. The first fault that applies does.
struct PushFault {
  PushProvider provider;
  // One of (faults.js says more):
  //   {"do": "answer", "status", "reason"?, "timestamp"? (ms), "retry_after"? (s), "headers"?, "body"?,
  //   "body_bytes"?}
  //   {"do": "hang", "accept"?}      no answer, ever; with `accept` it has counted as accepted
  //   {"do": "reset", "accept"?}     the connection is reset instead of an answer
  //   {"do": "rst", "code"?, "accept"?}  the stream is
  //   {"do": "goaway", "reason"?}    answered as it should be, and it is the connection's last
  nlohmann::json does;
  std::string token = {};  // of this device alone (webpush: what follows /push/ in the endpoint)
  int times = 1;           // 0: until clear_faults
  int after = 0;           // so many requests that it would apply to are let be first
};

// One request that a provider took.
struct AcceptedPush {
  std::string provider;  // as PushProvider's names
  std::string token;
  std::string id;            // apns-id, or what the message itself says
  std::string conversation;  // collapse id, topic, or what the message says
  std::uint64_t seq = 0;     // of the newest message it speaks of; 0: it is no news (a badge, a test)
  std::int64_t at_ms = 0;    // since the Unix epoch
  int connection = 0;        // numbered for each provider
  int attempt = 0;           // how often this id had come, with this time
  bool duplicate = false;    // it had been accepted already
  nlohmann::json headers;
  nlohmann::json payload;  // Web Push: decrypted
  std::string body;        // of an adopted subscription instead: as it came, in base64url
};

// One request as it came.
struct PushRequest {
  std::string provider;
  nlohmann::json headers;  // and pseudo-headers (":path")
  std::string body;        // its bytes
};

struct PushViolation {
  std::string provider;
  std::string kind;    // "early-retry", …: the words of the double's sources
  std::string detail;  // for people
};

// One process. Thread-safe. Every question throws std::runtime_error when the double is not there.
class PushDouble {
 public:
  PushDouble();
  ~PushDouble();
  PushDouble(const PushDouble&) = delete;
  PushDouble& operator=(const PushDouble&) = delete;

  // What a bridge is configured with. The keys are files of mode 0600.
  std::string url(PushProvider provider) const;  // "https://127.0.0.1:port"
  std::filesystem::path ca_file() const { return dir_.path() / "ca.pem"; }
  std::filesystem::path fcm_credentials_file() const { return dir_.path() / "fcm.json"; }
  std::filesystem::path apns_key_file() const { return dir_.path() / "apns.p8"; }
  std::filesystem::path vapid_key_file() const { return dir_.path() / "vapid.pem"; }
  // All of these, and the servers' certificate (server.pem, server.key).
  std::filesystem::path directory() const { return dir_.path(); }
  std::string fcm_project() const { return ready_.at("project"); }
  std::string apns_team() const { return ready_.at("team_id"); }
  std::string apns_key_id() const { return ready_.at("key_id"); }
  std::string apns_topic() const { return ready_.at("topic"); }

  // A browser subscribes: its PushSubscription, {"endpoint", "keys": {"p256dh", "auth"}}.
  nlohmann::json subscribe();
  // What is encrypted to that subscription's keys, in base64url: a preview. Throws if it cannot be read with
  // them.
  nlohmann::json decrypt(const nlohmann::json& subscription, const std::string& sealed) const;
  // Takes the pushes to another browser's subscription, which it cannot read. Returns the endpoint to use
  // instead of that which ends with `token`.
  std::string adopt(const std::string& token);

  void plan(const PushFault& fault);
  void clear_faults();
  // Nobody listens on the provider's port, and its connections are reset; and all is as before.
  void take_down(PushProvider provider);
  void bring_up(PushProvider provider);
  // Of this token, as of now: a new registration gave it life again.
  void revive(PushProvider provider, const std::string& token);
  // The sender's configuration was put right: what was refused for it may come again at once.
  void mended();
  // No access token given until now is good for anything.
  void expire_access_tokens();
  // Bounds the double judges by; their names and defaults are in settings.js.
  void set(const std::string& name, const nlohmann::json& value);

  std::vector<AcceptedPush> accepted() const;
  std::vector<PushRequest> requests() const;  // whatever became of them; the last 1000
  std::vector<PushViolation> violations() const;
  // {"fcm": {"requests", "accepted", "duplicates", "connections", "open", "peak_open", "grants"?, …}, …}
  nlohmann::json counters() const;
  // Forgets what was recorded. Connections, tokens and faults stay.
  void forget();

 private:
  nlohmann::json ask(const std::string& path, const nlohmann::json& body = nlohmann::json::object()) const;

  TempDir dir_;
  std::unique_ptr<ChildProcess> process_;
  nlohmann::json ready_;  // what the double said when it was ready
};

std::string to_string(PushProvider provider);
// For messages of tests: one violation a line; empty if there is none.
std::string to_string(const std::vector<PushViolation>& violations);

}  // namespace duet
