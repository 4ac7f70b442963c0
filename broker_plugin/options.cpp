#include "broker_plugin/options.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>

namespace duet {
namespace {

// Sets the option; false when the value is not of its type or out of its bounds.
using Setter = bool (*)(Options&, std::string_view);

struct Known {
  std::string_view name;
  Setter set;
  bool many = false;  // may be given more than once
};

std::optional<std::uint64_t> number(std::string_view text, std::uint64_t low, std::uint64_t high) {
  std::uint64_t value = 0;
  const auto* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end || value < low || value > high) return std::nullopt;
  return value;
}

template <typename Target>
bool set_number(Target& target, std::string_view text, std::uint64_t low, std::uint64_t high) {
  const auto value = number(text, low, high);
  if (value) target = static_cast<Target>(*value);
  return value.has_value();
}

template <typename Duration>
bool set_duration(Duration& target, std::string_view text, std::uint64_t low, std::uint64_t high) {
  const auto value = number(text, low, high);
  if (value) target = Duration(*value);
  return value.has_value();
}

bool set_flag(bool& target, std::string_view text) {
  target = text == "true";
  return target || text == "false";
}

template <typename Text>
bool set_text(Text& target, std::string_view text) {
  target = text;
  return !text.empty();
}

bool set_sync(Options& options, std::string_view text) {
  constexpr std::array<std::pair<std::string_view, JournalSync>, 3> kModes{
      {{"none", JournalSync::none}, {"interval", JournalSync::interval}, {"always", JournalSync::always}}};
  for (const auto& [name, mode] : kModes) {
    if (name == text) {
      options.journal_sync = mode;
      return true;
    }
  }
  return false;
}

bool set_per_minute(RateLimit& limit, std::string_view text) {
  constexpr double kSecondsPerMinute = 60;
  if (!set_number(limit.burst, text, 0, 1'000'000)) return false;
  limit.per_second = limit.burst / kSecondsPerMinute;
  return true;
}

bool set_device_events(Options& options, std::string_view text) {
  auto& limit = options.rates.device_events;
  if (!set_number(limit.per_second, text, 0, 1'000'000)) return false;
  limit.burst = 2 * limit.per_second;
  return true;
}

bool set_health_listen(Options& options, std::string_view text) {
  const auto listen = parse_health_listen(text);
  if (listen) options.health_listen = *listen;
  return listen.has_value();
}

// A record is at most 256 KiB, and so is the broker's packet.
constexpr std::uint64_t kMaxPayloadBytes = std::uint64_t{200} * 1024;

constexpr auto kKnown = std::to_array<Known>({
    {"jwks_file", [](Options& o, std::string_view t) { return set_text(o.jwks_file, t); }},
    {.name = "issuers_file",
     .set = [](Options& o, std::string_view t) { return set_text(o.issuers_files.emplace_back(), t); },
     .many = true},
    {"issuer_keys_dir", [](Options& o, std::string_view t) { return set_text(o.issuer_keys_dir, t); }},
    {"issuer", [](Options& o, std::string_view t) { return set_text(o.tokens.issuer, t); }},
    {"audience", [](Options& o, std::string_view t) { return set_text(o.tokens.audience, t); }},
    {"clock_skew_s",
     [](Options& o, std::string_view t) { return set_duration(o.tokens.clock_skew, t, 0, 3600); }},
    {"journal_dir", [](Options& o, std::string_view t) { return set_text(o.journal_dir, t); }},
    {"journal_sync", set_sync},
    {"journal_sync_interval_ms",
     [](Options& o, std::string_view t) { return set_duration(o.journal_sync_interval, t, 1, 3'600'000); }},
    {"segment_bytes",
     [](Options& o,
        std::string_view t) { return set_number(o.segment_bytes, t, 4096, std::uint64_t{1} << 30); }},
    {"partitions", [](Options& o, std::string_view t) { return set_number(o.partitions, t, 1, 1024); }},
    {"window_frames", [](Options& o, std::string_view t) { return set_number(o.window_frames, t, 1, 1024); }},
    {"messages_per_second",
     [](Options& o, std::string_view t) { return set_number(o.rates.messages.per_second, t, 0, 1'000'000); }},
    {"burst",
     [](Options& o, std::string_view t) { return set_number(o.rates.messages.burst, t, 1, 1'000'000); }},
    {"requests_per_minute",
     [](Options& o, std::string_view t) { return set_per_minute(o.rates.requests, t); }},
    {"connects_per_minute",
     [](Options& o, std::string_view t) { return set_per_minute(o.rates.connects, t); }},
    {"receipts_per_second", set_device_events},
    {"devices_per_user",
     [](Options& o, std::string_view t) { return set_number(o.devices_per_user, t, 1, 100'000); }},
    {"require_consent", [](Options& o, std::string_view t) { return set_flag(o.require_consent, t); }},
    {"health_listen", set_health_listen},
    {"body_bytes",
     [](Options& o, std::string_view t) { return set_number(o.payload.body_bytes, t, 1, kMaxPayloadBytes); }},
    {"message_payload_bytes",
     [](Options& o,
        std::string_view t) { return set_number(o.payload.message_payload_bytes, t, 1, kMaxPayloadBytes); }},
    {"other_payload_bytes",
     [](Options& o,
        std::string_view t) { return set_number(o.payload.other_payload_bytes, t, 1, kMaxPayloadBytes); }},
});

std::string quoted(std::string_view name) {
  return "plugin_opt_" + std::string(name);
}

}  // namespace

Result<Options, std::string> parse_options(std::span<const OptionText> texts) {
  Options options;
  for (auto text = texts.begin(); text != texts.end(); ++text) {
    const auto named_so = [&text](const auto& other) { return other.name == text->name; };
    const auto known = std::find_if(kKnown.begin(), kKnown.end(), named_so);
    if (known == kKnown.end()) return Failure<std::string>(quoted(text->name) + " is no option");
    if (!known->many && std::any_of(texts.begin(), text, named_so)) {
      return Failure<std::string>(quoted(text->name) + " is given twice");
    }
    if (!known->set(options, text->value)) {
      return Failure<std::string>(quoted(text->name) + " cannot be '" + std::string(text->value) + "'");
    }
  }
  if (options.jwks_file.empty()) return Failure<std::string>(quoted("jwks_file") + " is missing");
  if (options.journal_dir.empty()) return Failure<std::string>(quoted("journal_dir") + " is missing");
  return options;
}

}  // namespace duet
