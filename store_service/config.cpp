#include "store_service/config.h"

#include <toml++/toml.h>

#include <cstdint>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "acl/principal.h"

namespace duet {
namespace {

// A limit above it would not fit a packet of the broker.
constexpr std::int64_t kMaxPayloadBytes = std::int64_t{96} * 1024;
constexpr std::int64_t kMaxDebounceMs = 8000;  // peers hear the final state within 10 s
constexpr std::int64_t kMaxDevices = 1000;

struct Range {
  std::int64_t low;
  std::int64_t high;
};

// A table of the file. It remembers which keys were asked for: what nobody asked for is unknown.
class Section {
 public:
  // `name` is empty for the top level.
  Section(const std::filesystem::path& file, const toml::table* table, std::string name)
      : file_(file), table_(table), name_(std::move(name)) {}

  Section section(std::string_view key) {
    const auto* node = find(key);
    if (node != nullptr && !node->is_table()) fail(full(key), "must be a section");
    return Section(file_, node != nullptr ? node->as_table() : nullptr, std::string(key));
  }

  std::string text(std::string_view key, std::string fallback) {
    const auto* node = find(key);
    if (node == nullptr) return fallback;
    const auto* value = node->as_string();
    if (value == nullptr || value->get().empty()) fail(full(key), "must be a string that is not empty");
    return value->get();
  }

  std::string required_text(std::string_view key) {
    auto value = text(key, "");
    if (value.empty()) fail(full(key), "is missing");
    return value;
  }

  std::int64_t number(std::string_view key, std::int64_t fallback, Range range) {
    const auto* node = find(key);
    if (node == nullptr) return fallback;
    const auto* value = node->as_integer();
    if (value == nullptr || value->get() < range.low || value->get() > range.high) {
      fail(full(key),
           "must be a whole number from " + std::to_string(range.low) + " to " + std::to_string(range.high));
    }
    return value->get();
  }

  std::size_t bytes(std::string_view key, std::size_t fallback) {
    return static_cast<std::size_t>(number(key, static_cast<std::int64_t>(fallback), {1, kMaxPayloadBytes}));
  }

  // Call last.
  void refuse_unknown_keys() const {
    if (table_ == nullptr) return;
    for (const auto& [key, node] : *table_) {
      if (known_.find(key.str()) == known_.end()) fail(full(key.str()), "is not a known key");
    }
  }

  [[noreturn]] void fail(const std::string& key, const std::string& what) const {
    throw std::runtime_error(file_.string() + ": " + key + " " + what);
  }

 private:
  std::string full(std::string_view key) const {
    return name_.empty() ? std::string(key) : name_ + "." + std::string(key);
  }

  const toml::node* find(std::string_view key) {
    known_.emplace(key);
    return table_ == nullptr ? nullptr : table_->get(key);
  }

  const std::filesystem::path& file_;
  const toml::table* table_;
  std::string name_;
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

void read_broker(Section broker, Config::Broker& out) {
  out.uri = broker.text("uri", out.uri);
  out.token_file = broker.required_text("token_file");
  out.client_id = broker.text("client_id", out.client_id);
  const auto parts = parse_service_client_id(out.client_id);
  if (!parts || parts->role != Role::store) {
    broker.fail("broker.client_id", "must be duet-store or duet-store.<instance>");
  }
  broker.refuse_unknown_keys();
}

void read_limits(Section limits, Config& out) {
  out.limits.body_bytes = limits.bytes("body_bytes", out.limits.body_bytes);
  out.limits.message_payload_bytes = limits.bytes("message_payload_bytes", out.limits.message_payload_bytes);
  out.limits.other_payload_bytes = limits.bytes("other_payload_bytes", out.limits.other_payload_bytes);
  out.devices_per_user = static_cast<std::size_t>(
      limits.number("devices_per_user", static_cast<std::int64_t>(out.devices_per_user), {1, kMaxDevices}));
  limits.refuse_unknown_keys();
}

}  // namespace

Config load_config(const std::filesystem::path& file) {
  const toml::table table = parse(file);
  Section root(file, &table, "");
  Config config;
  config.ready_file = root.text("ready_file", "");
  read_broker(root.section("broker"), config.broker);
  read_limits(root.section("limits"), config);

  auto database = root.section("database");
  config.database.path = database.required_text("path");
  database.refuse_unknown_keys();

  auto presence = root.section("presence");
  config.presence.debounce = std::chrono::milliseconds(
      presence.number("debounce_ms", config.presence.debounce.count(), {0, kMaxDebounceMs}));
  presence.refuse_unknown_keys();

  auto log = root.section("log");
  config.log_level = log.text("level", config.log_level);
  log.refuse_unknown_keys();

  root.refuse_unknown_keys();
  return config;
}

}  // namespace duet
