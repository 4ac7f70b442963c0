// privacy_kit/identities.h: where the principals' access tokens come from: the key of a platform on this
// machine, or the account service over HTTP.
//
// Used by one thread. Tokens and passwords are never printed.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "acl/signing_key.h"
#include "privacy_kit/http.h"
#include "protocol/names.h"

namespace duet::privacy {

// From the system's random source.
std::string random_hex(std::size_t digits);

// The key of a platform's data directory, and whom its tokens name.
class Mint {
 public:
  // Throws std::runtime_error when there is no platform.
  explicit Mint(const std::filesystem::path& data);

  // What a token says, before somebody bends it.
  TokenSpec chat(const UserId& user, std::chrono::seconds life = std::chrono::minutes(15)) const;
  TokenSpec service(Role role) const;
  std::string sign(const TokenSpec& spec) const { return key_.sign(spec); }
  SignatureAlgorithm algorithm() const { return key_.algorithm(); }

 private:
  SigningKey key_;
  std::string issuer_;
  std::string audience_;
};

// A login at the account service.
struct Login {
  std::string access;
  std::string refresh;
};

// Throw-away accounts at the account service. The destructor removes them.
class Accounts {
 public:
  Accounts(std::string url, std::string client_id) : url_(std::move(url)), client_id_(std::move(client_id)) {}
  ~Accounts();
  Accounts(const Accounts&) = delete;
  Accounts& operator=(const Accounts&) = delete;

  // These throw std::runtime_error, with the status, when the service refuses.
  void sign_up(const UserId& user);
  Login log_in(const UserId& user, const std::optional<DeviceId>& device) const;
  void revoke(const Login& login) const;
  void log_out_everywhere(const std::string& access) const;

  // What the service says to a wrong password for this name.
  HttpAnswer wrong_password(const UserId& user) const;
  // POST or another method below /v1, with a bearer token (empty: none).
  HttpAnswer call(const std::string& method, const std::string& path, const std::string& json,
                  const std::string& bearer) const;
  const std::string& password() const { return password_; }

 private:
  HttpAnswer token_endpoint(const Form& form) const;

  std::string url_;
  std::string client_id_;
  std::string password_ = random_hex(24);
  std::vector<UserId> made_;
};

}  // namespace duet::privacy
