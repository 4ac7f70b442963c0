#include "tests/support/auth_client.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

namespace duet {
namespace {

std::string encode(const std::string& text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0) {
      encoded += c;
    } else {
      encoded += {'%', kHex[byte / 16], kHex[byte % 16]};
    }
  }
  return encoded;
}

}  // namespace

nlohmann::json Answer::json() const {
  auto parsed = nlohmann::json::parse(body, nullptr, false);
  return parsed.is_discarded() ? nlohmann::json() : parsed;
}

std::string Answer::text(const char* member) const {
  const auto object = json();
  return object.is_object() ? object.value(member, "") : "";
}

std::string Answer::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? "" : found->second;
}

AuthClient& AuthClient::with(std::string name, std::string value) {
  headers_.emplace_back(std::move(name), std::move(value));
  return *this;
}

Answer AuthClient::send(const std::string& method, const std::string& path, const std::string& body,
                        const std::string& content_type) const {
  httplib::Client client("127.0.0.1", port_);
  client.set_read_timeout(60);
  httplib::Request request;
  request.method = method;
  request.path = path;
  request.body = body;
  for (const auto& [name, value] : headers_) request.headers.emplace(name, value);
  if (!content_type.empty()) request.headers.emplace("Content-Type", content_type);
  const auto result = client.send(request);
  if (!result) {
    ADD_FAILURE() << method << ' ' << path << ": no answer, " << httplib::to_string(result.error());
    return {};
  }
  Answer answer{result->status, result->body, {}};
  for (const auto& [name, value] : result->headers) answer.headers.emplace(name, value);
  return answer;
}

Answer AuthClient::get(const std::string& path) const {
  return send("GET", path, "", "");
}

Answer AuthClient::form(const std::string& path, const Fields& fields) const {
  std::string body;
  for (const auto& [name, value] : fields) body += (body.empty() ? "" : "&") + name + "=" + encode(value);
  return send("POST", path, body, "application/x-www-form-urlencoded");
}

Answer AuthClient::json(const std::string& method, const std::string& path, const nlohmann::json& body,
                        const std::string& bearer) const {
  auto client = *this;
  if (!bearer.empty()) client.with("Authorization", "Bearer " + bearer);
  return client.send(method, path, body.dump(), "application/json");
}

std::string AuthClient::raw(const std::string& bytes) const {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port_);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::string answer;
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
      ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size())) {
    std::array<char, 4096> chunk{};
    for (ssize_t got = 0; (got = ::recv(fd, chunk.data(), chunk.size(), 0)) > 0;) {
      answer.append(chunk.data(), static_cast<std::size_t>(got));
    }
  }
  ::close(fd);
  return answer;
}

Answer AuthClient::sign_up(const std::string& user, const std::string& password) const {
  return json("POST", "/v1/accounts", {{"username", user}, {"password", password}});
}

Answer AuthClient::log_in(const std::string& user, const std::string& password,
                          const std::string& device) const {
  Fields fields{
      {"grant_type", "password"}, {"client_id", client_}, {"username", user}, {"password", password}};
  if (!device.empty()) fields.emplace_back("device", device);
  return form("/oauth/token", fields);
}

Answer AuthClient::refresh(const std::string& token) const {
  return form("/oauth/token",
              {{"grant_type", "refresh_token"}, {"client_id", client_}, {"refresh_token", token}});
}

}  // namespace duet
