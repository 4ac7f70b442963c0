#include "privacy_kit/identities.h"

#include <nlohmann/json.hpp>
#include <random>
#include <stdexcept>

#include "acl/base64url.h"
#include "file_io/secret_file.h"

namespace duet::privacy {
namespace {

using nlohmann::json;

Timestamp wall() {
  return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

SigningKey load_key(const std::filesystem::path& data) {
  const auto file = data / "secrets" / "signing.pem";
  if (!std::filesystem::exists(file)) throw std::runtime_error("there is no platform in " + data.string());
  auto key = SigningKey::from_pem(read_secret_file(file));
  if (!key) throw std::runtime_error(file.string() + ": " + key.error());
  return *std::move(key);
}

// Whom the platform's configuration names as issuer and audience, its own service's token knows.
json service_claims(const std::filesystem::path& data) {
  const auto token = read_secret_line(data / "secrets" / "store.token");
  const auto first = token.find('.');
  const auto second = token.find('.', first + 1);
  if (second == std::string::npos) throw std::runtime_error("the store's token is damaged");
  const auto text = decode_base64url(std::string_view(token).substr(first + 1, second - first - 1));
  return json::parse(text.value_or(""));
}

std::string member(const HttpAnswer& answer, const char* name) {
  const auto parsed = json::parse(answer.body, nullptr, false);
  return parsed.is_object() ? parsed.value(name, "") : "";
}

void require(const HttpAnswer& answer, int status, const std::string& what) {
  if (answer.status == status) return;
  throw std::runtime_error("the account service: " + what + ": status " + std::to_string(answer.status));
}

}  // namespace

Mint::Mint(const std::filesystem::path& data) : key_(load_key(data)) {
  const auto claims = service_claims(data);
  issuer_ = claims.at("iss").get<std::string>();
  audience_ = claims.at("aud").get<std::string>();
}

TokenSpec Mint::chat(const UserId& user, std::chrono::seconds life) const {
  const auto now = wall();
  return {.issuer = issuer_,
          .audience = audience_,
          .role = Role::chat,
          .subject = user.str(),
          .device = std::nullopt,
          .issued_at = now,
          .expires_at = now + life};
}

TokenSpec Mint::service(Role role) const {
  auto spec = chat(*UserId::parse("service"));
  spec.role = role;
  spec.subject = std::string(to_string(role));
  return spec;
}

std::string random_hex(std::size_t digits) {
  std::random_device source;
  std::string text;
  while (text.size() < digits) text += "0123456789abcdef"[source() % 16];
  return text;
}

Accounts::~Accounts() {
  for (const auto& user : made_) {
    try {
      call("DELETE", "/v1/accounts/me", json{{"password", password_}}.dump(),
           log_in(user, std::nullopt).access);
    } catch (const std::exception&) {
      // It stays, as a throw-away account with a password that nobody knows.
    }
  }
}

void Accounts::sign_up(const UserId& user) {
  const auto body = json{{"username", user.str()}, {"password", password_}}.dump();
  require(call("POST", "/v1/accounts", body, ""), 201, "sign-up");
  made_.push_back(user);
}

Login Accounts::log_in(const UserId& user, const std::optional<DeviceId>& device) const {
  Form form{{"grant_type", "password"}, {"username", user.str()}, {"password", password_}};
  if (device) form.emplace_back("device", device->str());
  const auto answer = token_endpoint(form);
  require(answer, 200, "login");
  return {member(answer, "access_token"), member(answer, "refresh_token")};
}

void Accounts::revoke(const Login& login) const {
  require(http_form(url_, "/oauth/revoke", {{"client_id", client_id_}, {"token", login.refresh}}), 200,
          "revocation");
}

void Accounts::log_out_everywhere(const std::string& access) const {
  require(call("POST", "/v1/logout", R"({"everything": true})", access), 204, "logout");
}

HttpAnswer Accounts::wrong_password(const UserId& user) const {
  return token_endpoint({{"grant_type", "password"}, {"username", user.str()}, {"password", "not this one"}});
}

HttpAnswer Accounts::call(const std::string& method, const std::string& path, const std::string& json,
                          const std::string& bearer) const {
  return http_json(url_, method, path, json, bearer);
}

HttpAnswer Accounts::token_endpoint(const Form& form) const {
  Form all = form;
  all.emplace_back("client_id", client_id_);
  return http_form(url_, "/oauth/token", all);
}

}  // namespace duet::privacy
