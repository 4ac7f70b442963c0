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
  return {config.keys.directory, config.keys.activate_after, database.longest_token_life(),
          config.keys.make_first, config.keys.jwks_file};
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

// Before the first request is served.
AuthDatabase& checked(const AuthConfig& config, AuthDatabase& database) {
  refuse_accounts_of_bots(config, database);
  return database;
}

}  // namespace

Clocks system_clocks() {
  return {[] { return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now()); },
          [] { return std::chrono::steady_clock::now(); }};
}

AuthService::AuthService(const AuthConfig& config, AuthDatabase& database, RevocationSink& sink,
                         NameRegister& names, Clocks clocks, std::function<void()> on_broken,
                         const Health* health)
    : database_(checked(config, database)),
      hasher_(config.argon2, config.hashes),
      keys_(key_rules(config, database_), token_rules(config), clocks.wall()),
      throttle_(config.limits.account, config.limits.address, config.limits.account_failures),
      parts_{config, database_, hasher_, keys_, throttle_, sink, names, std::move(clocks), health},
      server_(
          config.http, [&parts = parts_](const HttpRequest& request) { return answer(parts, request); },
          std::move(on_broken)),
      housekeeper_([this](const std::stop_token& stop) { keep_house(stop); }) {}

void AuthService::keep_house(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any asleep;
  std::unique_lock lock(mutex);
  while (!asleep.wait_for(lock, stop, parts_.config.keys.reload_every, [] { return false; })) {
    if (stop.stop_requested()) return;
    attempt(0, [this] { keys_.reload(parts_.clocks.wall()); });
    attempt(1, [this] { database_.forget_over(); });
  }
}

// What was there stays, and the next time comes. Each failure is told once.
void AuthService::attempt(std::size_t chore, const std::function<void()>& work) {
  std::string why;
  try {
    work();
  } catch (const std::exception& error) {
    why = error.what();
  }
  auto& told = told_.at(chore);
  if (!why.empty() && why != told) spdlog::error("{}; retrying", why);
  told = why;
}

}  // namespace duet
