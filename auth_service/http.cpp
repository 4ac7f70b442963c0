#include "auth_service/http.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "acl/base64url.h"
#include "auth_service/form.h"
#include "protocol/json_codec.h"

namespace duet {
namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool equal_without_case(std::string_view one, std::string_view other) {
  return std::equal(one.begin(), one.end(), other.begin(), other.end(),
                    [](char a, char b) { return lower(a) == lower(b); });
}

// RFC 4648 4, with its padding.
std::optional<std::string> decode_base64(std::string_view text) {
  if (text.size() % 4 != 0 || text.find_first_of("-_") != std::string_view::npos) return std::nullopt;
  for (int i = 0; i < 2 && !text.empty() && text.back() == '='; ++i) text.remove_suffix(1);
  std::string url(text);
  std::replace(url.begin(), url.end(), '+', '-');
  std::replace(url.begin(), url.end(), '/', '_');
  return decode_base64url(url);
}

}  // namespace

HttpResponse& HttpResponse::with(std::string name, std::string value) {
  headers.emplace_back(std::move(name), std::move(value));
  return *this;
}

HttpResponse json_response(int status, const nlohmann::json& body) {
  HttpResponse response;
  response.status = status;
  response.content_type = "application/json";
  response.body = dump(body);
  return response;
}

HttpResponse problem(int status, std::string_view code, std::string_view title) {
  auto response = json_response(
      status, {{"type", "urn:duet:problem:" + std::string(code)}, {"title", title}, {"status", status}});
  response.content_type = "application/problem+json";
  return response;
}

HttpResponse oauth_error(int status, std::string_view code, std::string_view description) {
  auto response = json_response(status, {{"error", code}, {"error_description", description}});
  response.with("Pragma", "no-cache");
  return response;
}

HttpResponse error_at(std::string_view path, int status, std::string_view code, std::string_view title) {
  if (!path.starts_with("/oauth/")) return problem(status, code, title);
  return oauth_error(status, status == 503 ? "temporarily_unavailable" : "invalid_request", title);
}

HttpResponse retry_after(HttpResponse response, std::chrono::milliseconds wait) {
  const auto seconds = std::max<std::int64_t>(1, std::chrono::ceil<std::chrono::seconds>(wait).count());
  response.with("Retry-After", std::to_string(seconds));
  return response;
}

bool has_media_type(const HttpRequest& request, std::string_view type) {
  std::string_view given = request.content_type;
  given = given.substr(0, given.find(';'));
  while (!given.empty() && given.back() == ' ') given.remove_suffix(1);
  return equal_without_case(given, type);
}

std::optional<std::string_view> find_credentials(std::string_view header, std::string_view scheme) {
  const auto space = header.find(' ');
  if (space == std::string_view::npos || !equal_without_case(header.substr(0, space), scheme)) {
    return std::nullopt;
  }
  header.remove_prefix(space);
  while (!header.empty() && header.front() == ' ') header.remove_prefix(1);
  return header;
}

std::optional<BasicCredentials> parse_basic(std::string_view token) {
  const auto text = decode_base64(token);
  if (!text) return std::nullopt;
  const auto colon = text->find(':');
  if (colon == std::string::npos) return std::nullopt;
  auto id = decode_form_text(std::string_view(*text).substr(0, colon));
  auto secret = decode_form_text(std::string_view(*text).substr(colon + 1));
  if (!id || !secret) return std::nullopt;
  return BasicCredentials{*std::move(id), *std::move(secret)};
}

}  // namespace duet
