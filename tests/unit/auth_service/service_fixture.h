// tests/unit/auth_service/service_fixture.h: the real service on loopback, with the test's own clock.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "acl/crypto.h"
#include "auth_service/auth_service.h"
#include "tests/support/auth_client.h"
#include "tests/unit/temporary_directory.h"

namespace duet {

class RecordingSink final : public RevocationSink {
 public:
  void revoked(const Revocation& revocation) override {
    const std::scoped_lock lock(mutex_);
    told_.push_back(revocation);
  }
  std::vector<Revocation> take() {
    const std::scoped_lock lock(mutex_);
    return std::exchange(told_, {});
  }

 private:
  std::mutex mutex_;
  std::vector<Revocation> told_;
};

class FakeRegister final : public NameRegister {
 public:
  Claim claim(const UserId& user) override {
    const std::scoped_lock lock(mutex_);
    claimed_.push_back(user);
    return answer_;
  }
  void answer(Claim answer) {
    const std::scoped_lock lock(mutex_);
    answer_ = answer;
  }
  std::vector<UserId> take() {
    const std::scoped_lock lock(mutex_);
    return std::exchange(claimed_, {});
  }

 private:
  std::mutex mutex_;
  Claim answer_ = Claim::free;
  std::vector<UserId> claimed_;
};

constexpr auto kPassword = "correct horse";
constexpr auto kBotSecret = "a secret of the bot, long enough";

class ServiceTest : public testing::Test {
 protected:
  ServiceTest() {
    config_.http.port = 0;
    config_.http.threads = 4;
    config_.http.trusted_proxies = {Network::parse("127.0.0.1").value()};
    config_.database = directory_.path() / "auth.db";
    config_.keys.directory = directory_.path();
    config_.keys.reload_every = std::chrono::hours(1);
    config_.argon2 = {.memory_kib = 64, .iterations = 1, .lanes = 1};
    config_.clients = {{"app", std::nullopt},
                       {"other", std::nullopt},
                       {"robot", OauthClient::Bot{sha256(kBotSecret), *UserId::parse("helper")}}};
    rotate_key(directory_.path(), SignatureAlgorithm::eddsa, now());
  }

  // Starts it, or starts it again after an orderly end.
  AuthClient start() {
    stop();
    database_ = std::make_unique<AuthDatabase>(config_.database, config_.sessions, [this] { return now(); });
    service_ = std::make_unique<AuthService>(config_, *database_, sink_, names_,
                                             Clocks{[this] { return now(); }, [this] { return steady(); }},
                                             [] { ADD_FAILURE() << "the server broke"; });
    return AuthClient(service_->port());
  }
  void stop() {
    service_.reset();
    database_.reset();
  }
  AuthDatabase& database() { return *database_; }
  std::uint64_t computations() const { return service_->hasher().computations(); }

  void pass(std::chrono::milliseconds time) { passed_ms_ += time.count(); }
  Timestamp now() const { return Timestamp(std::chrono::seconds(1'800'000'000)) + passed(); }

  // The claims of an access token, checked with the key set that the service serves.
  std::optional<Claims> verify(const AuthClient& client, const std::string& token) const {
    const auto keys = JwkSet::parse(client.get("/.well-known/jwks.json").body);
    if (!keys) return std::nullopt;
    const auto claims = TokenVerifier(*keys, {"duet", "duet"}).verify(token, now());
    return claims ? std::optional(*claims) : std::nullopt;
  }

  AuthConfig config_;
  RecordingSink sink_;
  FakeRegister names_;

 private:
  std::chrono::milliseconds passed() const { return std::chrono::milliseconds(passed_ms_.load()); }
  Throttle::Clock::time_point steady() const { return Throttle::Clock::time_point(passed()); }

  TemporaryDirectory directory_;
  std::atomic<std::int64_t> passed_ms_{0};
  std::unique_ptr<AuthDatabase> database_;
  std::unique_ptr<AuthService> service_;
};

}  // namespace duet
