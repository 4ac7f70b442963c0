#include "supervisor/platform_config.h"

#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <initializer_list>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string_view>

namespace duet {
namespace {

// The largest message whose two copies (to the peer, and back to the sender) still fit, with all that goes
// around them, into one broker packet of 256 KiB.
constexpr std::int64_t kMaxMessagePayloadBytes = 98'304;

struct Range {
  std::int64_t low;
  std::int64_t high;
};

// Reads one section and remembers which of its keys were asked for.
class Section {
 public:
  Section(const std::filesystem::path& file, const toml::table& root, std::string name)
      : file_(file), name_(std::move(name)) {
    const toml::node* node = root.get(name_);
    if (node == nullptr) return;
    table_ = node->as_table();
    if (table_ == nullptr) fail(*node, name_, "must be a section");
  }

  void read(std::string_view key, std::int64_t& value, Range range) {
    const toml::node* node = find(key);
    if (node == nullptr) return;
    const auto* number = node->as_integer();
    if (number == nullptr) fail(*node, full(key), "must be a whole number");
    if (number->get() < range.low || number->get() > range.high) {
      fail(*node, full(key),
           "must be from " + std::to_string(range.low) + " to " + std::to_string(range.high));
    }
    value = number->get();
  }

  template <typename Duration>
  void read_duration(std::string_view key, Duration& value, Range range) {
    std::int64_t count = value.count();
    read(key, count, range);
    value = Duration(count);
  }

  void read_choice(std::string_view key, std::string& value,
                   std::initializer_list<std::string_view> choices) {
    const toml::node* node = find(key);
    if (node == nullptr) return;
    const std::string text = string_of(*node, key);
    if (std::find(choices.begin(), choices.end(), text) == choices.end()) {
      std::string list;
      for (const auto choice : choices) list += (list.empty() ? "" : ", ") + std::string(choice);
      fail(*node, full(key), "must be one of " + list);
    }
    value = text;
  }

  void read_texts(std::string_view key, std::vector<std::string>& values) {
    const toml::node* node = find(key);
    if (node == nullptr) return;
    const auto* list = node->as_array();
    if (list == nullptr) fail(*node, full(key), "must be a list of strings");
    values.clear();
    for (const auto& item : *list) values.push_back(string_of(item, key));
  }

  // Empty, or an absolute path: the processes do not share our working directory.
  void read_path(std::string_view key, std::string& value) {
    const toml::node* node = find(key);
    if (node == nullptr) return;
    value = string_of(*node, key);
    if (!value.empty() && value.front() != '/') fail(*node, full(key), "must be an absolute path");
  }

  // A name that goes into tokens and into a line of the broker's configuration.
  void read_name(std::string_view key, std::string& value) {
    const toml::node* node = find(key);
    if (node == nullptr) return;
    const std::string text = string_of(*node, key);
    const bool printable = std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
    if (text.empty() || text.size() > 256 || !printable) {
      fail(*node, full(key), "must be 1 to 256 printable ASCII characters without spaces");
    }
    value = text;
  }

  // The processes do not share our working directory.
  void read_absolute_path(std::string_view key, std::filesystem::path& value) {
    const toml::node* node = find(key);
    if (node == nullptr) return;
    const std::filesystem::path path = string_of(*node, key);
    if (!path.is_absolute()) fail(*node, full(key), "must be an absolute path");
    if (path.string().find_first_of("\n\r") != std::string::npos) fail(*node, full(key), "must be one line");
    value = path;
  }

  // Call last: what nobody has read is unknown.
  void refuse_unknown_keys() const {
    if (table_ == nullptr) return;
    for (const auto& [key, node] : *table_) {
      if (known_.find(key.str()) == known_.end()) fail(node, full(key.str()), "is not a known key");
    }
  }

  [[noreturn]] void fail(const toml::node& node, const std::string& key, const std::string& what) const {
    std::ostringstream message;
    message << file_.string() << ":" << node.source().begin.line << ": " << key << " " << what;
    throw std::runtime_error(message.str());
  }

 private:
  std::string full(std::string_view key) const { return name_ + "." + std::string(key); }

  const toml::node* find(std::string_view key) {
    known_.emplace(key);
    return table_ == nullptr ? nullptr : table_->get(key);
  }

  std::string string_of(const toml::node& node, std::string_view key) const {
    const auto* text = node.as_string();
    if (text == nullptr) fail(node, full(key), "must be a string");
    return text->get();
  }

  const std::filesystem::path& file_;
  std::string name_;
  const toml::table* table_ = nullptr;
  std::set<std::string, std::less<>> known_;
};

toml::table parse(const std::filesystem::path& file) {
  try {
    return toml::parse_file(file.string());
  } catch (const toml::parse_error& error) {
    std::ostringstream message;
    message << file.string() << ":";
    if (error.source().begin.line > 0) message << error.source().begin.line << ":";
    message << " " << error.description();
    throw std::runtime_error(message.str());
  }
}

void read_limits(const std::filesystem::path& file, const toml::table& root, PlatformConfig::Limits& limits) {
  constexpr Range kRate{0, 1'000'000};
  Section section(file, root, "limits");
  section.read("messages_per_second", limits.messages_per_second, kRate);
  section.read("burst", limits.burst, kRate);
  section.read("requests_per_minute", limits.requests_per_minute, kRate);
  section.read("receipts_per_second", limits.receipts_per_second, kRate);
  section.read("devices_per_user", limits.devices_per_user, {1, 1000});
  section.read("body_bytes", limits.body_bytes, {1, kMaxMessagePayloadBytes});
  section.read("message_payload_bytes", limits.message_payload_bytes, {256, kMaxMessagePayloadBytes});
  section.read("other_payload_bytes", limits.other_payload_bytes, {256, kMaxMessagePayloadBytes});
  section.refuse_unknown_keys();
  if (limits.body_bytes > limits.message_payload_bytes) {
    throw std::runtime_error(file.string() +
                             ": limits.body_bytes must not exceed limits.message_payload_bytes");
  }
}

void read_web(const std::filesystem::path& file, const toml::table& root, PlatformConfig::Web& web) {
  constexpr Range kConnections{1, 1'000'000};
  Section section(file, root, "web");
  section.read_texts("origins", web.origins);
  section.read_path("root", web.root);
  section.read("connections", web.connections, kConnections);
  section.read("connections_per_address", web.connections_per_address, {0, kConnections.high});
  section.read_texts("trusted_proxies", web.trusted_proxies);
  section.refuse_unknown_keys();
}

void refuse_unknown_sections(const std::filesystem::path& file, const toml::table& root) {
  constexpr std::array<std::string_view, 6> kSections{"limits", "journal", "presence",
                                                      "tokens", "web",     "log"};
  for (const auto& [key, node] : root) {
    if (std::find(kSections.begin(), kSections.end(), key.str()) != kSections.end()) continue;
    std::ostringstream message;
    message << file.string() << ":" << node.source().begin.line << ": " << key.str()
            << " is not a known key or section";
    throw std::runtime_error(message.str());
  }
}

}  // namespace

PlatformConfig load_platform_config(const std::filesystem::path& file) {
  const toml::table root = parse(file);
  PlatformConfig config;
  refuse_unknown_sections(file, root);
  read_limits(file, root, config.limits);

  Section journal(file, root, "journal");
  journal.read_choice("sync", config.journal.sync, {"none", "interval", "always"});
  journal.read_duration("sync_interval_ms", config.journal.sync_interval, {1, 60'000});
  journal.read("segment_bytes", config.journal.segment_bytes, {4096, std::int64_t{1} << 30});
  journal.refuse_unknown_keys();

  Section presence(file, root, "presence");
  // Peers are promised the final state within 10 s (docs/protocol.md section 4).
  presence.read_duration("debounce_ms", config.presence_debounce, {0, 8'000});
  presence.refuse_unknown_keys();

  Section tokens(file, root, "tokens");
  tokens.read_name("issuer", config.tokens.issuer);
  tokens.read_absolute_path("issuers_file", config.tokens.issuers_file);
  tokens.read_name("audience", config.tokens.audience);
  tokens.read_duration("clock_skew_s", config.tokens.clock_skew, {0, 300});
  tokens.read_duration("service_ttl_s", config.tokens.service_ttl, {3, 2'592'000});
  tokens.refuse_unknown_keys();

  read_web(file, root, config.web);

  Section log(file, root, "log");
  log.read_choice("level", config.log_level, {"debug", "info", "warn", "error"});
  log.refuse_unknown_keys();
  return config;
}

}  // namespace duet
