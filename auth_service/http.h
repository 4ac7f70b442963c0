// auth_service/http.h: a request and its answer, apart from any HTTP library; and the bodies that we answer
// with. Values.
#pragma once

#include <chrono>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "service/address.h"

namespace duet {

struct HttpRequest {
  std::string method;
  std::string path;                        // without the query
  IpAddress address;                       // of the client; :: when its connection is gone
  std::vector<std::string> authorization;  // the values of that header
  std::string content_type;
  std::string body;
};

struct HttpResponse {
  int status = 200;
  std::string content_type;  // empty: there is no body
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers = {{"Cache-Control", "no-store"}};

  HttpResponse& with(std::string name, std::string value);
};

HttpResponse json_response(int status, const nlohmann::json& body);

// RFC 9457: {"type": "urn:duet:problem:<code>", "title": …, "status": …}
HttpResponse problem(int status, std::string_view code, std::string_view title);
// RFC 6749 5.2: {"error": <code>, "error_description": …}
HttpResponse oauth_error(int status, std::string_view code, std::string_view description);
// An error of the server as a whole, in the form of those of the path: oauth_error below /oauth (503 is
// temporarily_unavailable, any other invalid_request), problem elsewhere.
HttpResponse error_at(std::string_view path, int status, std::string_view code, std::string_view title);
// Adds Retry-After (RFC 9110 10.2.3): whole seconds, at least 1.
HttpResponse retry_after(HttpResponse response, std::chrono::milliseconds wait);

// Whether the media type is `type`, parameters aside.
bool has_media_type(const HttpRequest& request, std::string_view type);

// Authorization: Basic (RFC 7617), with id and secret encoded as RFC 6749 2.3.1 says.
struct BasicCredentials {
  std::string id;
  std::string secret;
};
// The token of `Authorization: <scheme> <token>`; nullopt when the header has another scheme.
std::optional<std::string_view> find_credentials(std::string_view header, std::string_view scheme);
std::optional<BasicCredentials> parse_basic(std::string_view token);

}  // namespace duet
