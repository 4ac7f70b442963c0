#include "auth_service/auth_service.h"

#include <spdlog/spdlog.h>

#include <condition_variable>
#include <exception>
#include <mutex>
#include <stdexcept>
#include <utility>

#include "auth_service/router.h"

namespace duet {
namespace {

KeyRules key_rules(const AuthConfig& config, const AuthDatabase& database) {
  return {config.keys.directory, config.keys.activate_after, database.longest_token_life()};
}

TokenRules token_rules(const AuthConfig& config) {
  return {config.tokens.issuer, config.tokens.audience, config.sessions.clock_skew};
}

// Its owner could read what is written to the bot.
void refuse_accounts_of_bots(const AuthConfig& config, AuthDatabase& database) {
  for (const auto& client : config.clients) {
    if (client.bot && database.has_name(client.bot->user)) {
      throw std::runtime_error("client " + client.id + ": there is an account of the name " +
                               client.bot->user.str());
    }
  }
}

// Told before the first request is served.
const AuthParts& with_revocations_told(const AuthConfig& config, const AuthParts& parts) {
  refuse_accounts_of_bots(config, parts.database);
  parts.database.for_each_live_revocation(
      parts.clocks.wall(), [&parts](const Revocation& revocation) { parts.sink.revoked(revocation); });
  return parts;
}

}  // namespace

Clocks system_clocks() {
  return {[] { return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now()); },
          [] { return std::chrono::steady_clock::now(); }};
}

AuthService::AuthService(const AuthConfig& config, RevocationSink& sink, Clocks clocks,
                         std::function<void()> on_broken)
    : database_(config.database, config.sessions),
      hasher_(config.argon2, config.hashes),
      keys_(key_rules(config, database_), token_rules(config), clocks.wall()),
      throttle_(config.limits.account, config.limits.address),
      parts_{config, database_, hasher_, keys_, throttle_, sink, std::move(clocks)},
      server_(
          config.http,
          [&parts = with_revocations_told(config, parts_)](const HttpRequest& request) {
            return answer(parts, request);
          },
          std::move(on_broken)),
      housekeeper_([this](const std::stop_token& stop) { keep_house(stop); }) {}

void AuthService::keep_house(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any asleep;
  std::unique_lock lock(mutex);
  while (!asleep.wait_for(lock, stop, parts_.config.keys.reload_every, [] { return false; })) {
    if (stop.stop_requested()) return;
    try {
      keys_.reload(parts_.clocks.wall());
      database_.forget_over(parts_.clocks.wall());
    } catch (const std::exception& error) {
      spdlog::error("{}", error.what());  // what was there stays; the next time comes
    }
  }
}

}  // namespace duet
