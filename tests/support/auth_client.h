// tests/support/auth_client.h: an HTTP client of duet-auth.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

namespace duet {

struct Answer {
  int status = 0;
  std::string body;
  std::multimap<std::string, std::string> headers;

  // Of the JSON body; null when it is none.
  nlohmann::json json() const;
  std::string text(const char* member) const;  // of the JSON body; empty when there is none
  std::string header(const std::string& name) const;
  std::size_t count(const std::string& name) const { return headers.count(name); }
};

using Fields = std::vector<std::pair<std::string, std::string>>;

// One connection for each request. Fails the test when there is no answer.
class AuthClient {
 public:
  // `client`: the OAuth 2.0 client that it is.
  explicit AuthClient(std::uint16_t port, std::string client = "app")
      : port_(port), client_(std::move(client)) {}

  // Sent with every request from now on.
  AuthClient& with(std::string name, std::string value);

  Answer get(const std::string& path) const;
  Answer form(const std::string& path, const Fields& fields) const;
  Answer json(const std::string& method, const std::string& path, const nlohmann::json& body,
              const std::string& bearer = "") const;
  Answer send(const std::string& method, const std::string& path, const std::string& body,
              const std::string& content_type) const;
  // What comes back for bytes that need not be HTTP.
  std::string raw(const std::string& bytes) const;

  Answer sign_up(const std::string& user, const std::string& password) const;
  Answer log_in(const std::string& user, const std::string& password, const std::string& device = "") const;
  Answer refresh(const std::string& token) const;

 private:
  std::uint16_t port_;
  std::string client_;
  Fields headers_;
};

}  // namespace duet
