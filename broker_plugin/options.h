// broker_plugin/options.h: what mosquitto.conf says to the plugin (plugin_opt_<name> <value>).
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "acl/token.h"
#include "acl/token_bucket.h"
#include "journal/journal.h"
#include "protocol/names.h"
#include "protocol/payload.h"
#include "protocol/result.h"
#include "service/health_listen.h"

namespace duet {

// docs/protocol.md section 6.
struct Rates {
  RateLimit messages{20, 60};           // messages_per_second, burst: per user
  RateLimit requests{200.0 / 60, 200};  // requests_per_minute: per device; the burst is one minute's
  RateLimit device_events{100, 200};    // receipts_per_second: receipts, typing, presence and push
                                        // registrations of a device; the burst is two seconds'
  RateLimit connects{1, 60};            // connects_per_minute: accepted ones of a device, and its AUTHs; the
                                        // burst is one minute's
};

struct Options {
  std::filesystem::path jwks_file;    // jwks_file: the keys that access tokens are signed with. Required
  TokenRules tokens{"duet", "duet"};  // issuer, audience, clock_skew_s
  std::vector<std::filesystem::path> issuers_files;  // issuers_file, each: other identity providers
                                                     // (acl/issuers.h)
  std::filesystem::path issuer_keys_dir;  // issuer_keys_dir: where duet-keys writes what it fetches for them
  std::filesystem::path journal_dir;  // journal_dir: the journal of partition p is in journal_dir/p. Required
  JournalSync journal_sync = JournalSync::none;               // journal_sync: none, interval or always
  std::chrono::milliseconds journal_sync_interval{100};       // journal_sync_interval_ms
  std::size_t segment_bytes = std::size_t{16} * 1024 * 1024;  // segment_bytes: a new segment beyond this
  Partition partitions = 1;       // partitions; may change when the journals are drained
  std::size_t window_frames = 8;  // window_frames: how many may be unconfirmed
  Rates rates;
  std::size_t devices_per_user = 16;  // devices_per_user: live connections
  bool require_consent = false;  // require_consent, true or false: typing is passed on by the store, which
                                 // knows who has agreed to talk
  HealthListen health_listen;    // health_listen: where it answers how it is (service/health_listen.h); none
  PayloadLimits payload;         // body_bytes, message_payload_bytes, other_payload_bytes
};

struct OptionText {
  std::string_view name;  // without plugin_opt_
  std::string_view value;
};

// The error names the option. An unknown option, one given twice (but issuers_file) and a missing required
// one are errors.
Result<Options, std::string> parse_options(std::span<const OptionText> texts);

}  // namespace duet
