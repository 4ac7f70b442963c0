#include "push_bridge/push_config.h"

#include <cstdint>
#include <stdexcept>
#include <utility>

#include "acl/crypto.h"
#include "file_io/secret_file.h"
#include "push_bridge/channel.h"
#include "push_bridge/registration.h"
#include "service/toml_section.h"

namespace duet {
namespace {

// Four weeks: FCM keeps no message longer.
constexpr std::int64_t kLongestOfferHours = std::int64_t{24} * 28;

void read_decision(TomlSection decision, DecisionRules& out) {
  out.grace = std::chrono::seconds(decision.number("grace_s", out.grace.count(), {0, 600}));
  out.expire_after = std::chrono::hours(
      decision.number("expire_after_h", out.expire_after.count(), {1, kLongestOfferHours}));
  if (decision.has("repeat_after_s")) {
    out.repeat_after.clear();
    for (const auto seconds : decision.numbers("repeat_after_s", {0, 86'400})) {
      out.repeat_after.emplace_back(seconds);
    }
  }
  decision.refuse_unknown_keys();
}

// A secret of the configuration, as text.
std::string secret_at(TomlSection& section, std::string_view key) {
  const auto file = section.required_text(key);
  try {
    return read_secret_file(file);
  } catch (const std::runtime_error& error) {  // std::system_error included
    section.fail(key, std::string("cannot be used: ") + error.what());
  }
}

SigningKey p256_key_at(TomlSection& section, std::string_view key) {
  auto parsed = SigningKey::from_pem(secret_at(section, key));
  if (!parsed || parsed->algorithm() != SignatureAlgorithm::es256) {
    section.fail(key, "holds no private key of the curve P-256 (PKCS #8, PEM)");
  }
  return *std::move(parsed);
}

std::string app_at(TomlSection& section) {
  auto app = section.required_text("app");
  if (!valid_app_name(app)) section.fail("app", "must be 1 to 64 of A-Z a-z 0-9 . _ -");
  return app;
}

template <typename Options>
void put_app(TomlSection& section, std::map<std::string, Options>& apps, std::string app, Options options) {
  if (!apps.emplace(std::move(app), std::move(options)).second) {
    section.fail("app", "is there twice for this platform");
  }
  section.refuse_unknown_keys();
}

std::uint64_t fresh_seed() {
  std::uint64_t seed = 0;
  for (const char byte : random_bytes(sizeof seed)) seed = seed << 8U | static_cast<unsigned char>(byte);
  return seed;
}

void read_fcm(TomlSection section, PushConfig& out) {
  auto app = app_at(section);
  auto account = parse_service_account(secret_at(section, "credentials_file"));
  if (!account) section.fail("credentials_file", account.error());
  FcmOptions options{.account = *std::move(account)};
  options.url = section.text("url", options.url);
  options.seed = fresh_seed();
  put_app(section, out.fcm, std::move(app), std::move(options));
}

void read_apns(TomlSection section, PushConfig& out) {
  auto app = app_at(section);
  ApnsOptions options{.topic = section.required_text("topic"),
                      .team_id = section.required_text("team_id"),
                      .key_id = section.required_text("key_id"),
                      .key = p256_key_at(section, "key_file"),
                      .memory = nullptr};
  options.url_production = section.text("url_production", options.url_production);
  options.url_sandbox = section.text("url_sandbox", options.url_sandbox);
  if (section.has("retry_after_s")) {
    options.server_error_delays.clear();
    for (const auto seconds : section.numbers("retry_after_s", {1, 86'400})) {
      options.server_error_delays.emplace_back(seconds);
    }
    if (options.server_error_delays.empty()) section.fail("retry_after_s", "is empty");
  }
  options.seed = fresh_seed();
  put_app(section, out.apns, std::move(app), std::move(options));
}

void read_webpush(TomlSection section, PushConfig& out) {
  auto app = app_at(section);
  WebPushOptions options{.subject = section.required_text("subject"),
                         .key = p256_key_at(section, "key_file")};
  if (section.has("allowed_hosts")) options.allowed_hosts = section.texts("allowed_hosts");
  options.seed = fresh_seed();
  put_app(section, out.webpush, std::move(app), std::move(options));
}

void read_apps(TomlSection& root, PushConfig& out) {
  for (auto& section : root.sections("fcm")) read_fcm(section, out);
  for (auto& section : root.sections("apns")) read_apns(section, out);
  for (auto& section : root.sections("webpush")) read_webpush(section, out);
  if (out.fcm.empty() && out.apns.empty() && out.webpush.empty()) {
    root.fail("fcm, apns and webpush", "are missing: there is nobody to push to");
  }
}

void require_sane_clock(const std::filesystem::path& file, Timestamp now) {
  const std::chrono::year_month_day today(std::chrono::floor<std::chrono::days>(now));
  if (static_cast<int>(today.year()) >= DUET_BUILD_YEAR) return;
  throw std::runtime_error(file.string() + ": this machine's clock says the year " +
                           std::to_string(static_cast<int>(today.year())) + ", which is over");
}

template <typename Options, typename Make>
void make_all(std::map<std::string, std::unique_ptr<Sender>>& out, Platform platform,
              const std::map<std::string, Options>& apps, Make make) {
  for (const auto& [app, options] : apps) {
    auto name = channel_name(platform, app);
    try {
      out.emplace(name, make(options));
    } catch (const std::invalid_argument& error) {
      throw std::runtime_error(name + ": " + error.what());
    }
  }
}

}  // namespace

PushConfig load_push_config(const std::filesystem::path& file, Timestamp now) {
  require_sane_clock(file, now);
  const toml::table table = parse_toml_file(file);
  TomlSection root(file, table);
  PushConfig config;
  config.ready_file = root.text("ready_file", "");
  config.broker = read_broker_settings(root.section("broker"), Role::push);
  auto database = root.section("database");
  config.database = database.required_text("path");
  database.refuse_unknown_keys();
  read_decision(root.section("decision"), config.decision);
  read_apps(root, config);

  auto tls = root.section("tls");
  config.ca_file = tls.text("ca_file", "");
  tls.refuse_unknown_keys();
  config.health = read_health_section(root.section("health"));
  auto log = root.section("log");
  config.log_level = log.text("level", config.log_level);
  log.refuse_unknown_keys();
  root.refuse_unknown_keys();
  return config;
}

std::map<std::string, std::unique_ptr<Sender>> make_senders(const PushConfig& config,
                                                            const std::shared_ptr<TokenMemory>& memory) {
  std::map<std::string, std::unique_ptr<Sender>> senders;
  make_all(senders, Platform::fcm, config.fcm,
           [](const FcmOptions& options) { return make_fcm_sender(options); });
  make_all(senders, Platform::apns, config.apns, [&memory](ApnsOptions options) {
    options.memory = memory;
    return make_apns_sender(std::move(options));
  });
  make_all(senders, Platform::webpush, config.webpush,
           [](const WebPushOptions& options) { return make_webpush_sender(options); });
  return senders;
}

}  // namespace duet
