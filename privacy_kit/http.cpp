#include "privacy_kit/http.h"

#include <httplib.h>

#include <stdexcept>

namespace duet::privacy {
namespace {

HttpAnswer send(const std::string& base, httplib::Request request) {
  constexpr int kSeconds = 30;
  httplib::Client client(base);
  if (!client.is_valid()) throw std::runtime_error("'" + base + "' is not http://host:port");
  client.set_read_timeout(kSeconds);
  const auto result = client.send(request);
  if (!result) {
    throw std::runtime_error(base + request.path + ": " + httplib::to_string(result.error()));
  }
  return {result->status, result->body};
}

}  // namespace

HttpAnswer http_json(const std::string& base, const std::string& method, const std::string& path,
                     const std::string& body, const std::string& bearer) {
  httplib::Request request;
  request.method = method;
  request.path = path;
  request.body = body;
  request.headers.emplace("Content-Type", "application/json");
  if (!bearer.empty()) request.headers.emplace("Authorization", "Bearer " + bearer);
  return send(base, std::move(request));
}

HttpAnswer http_form(const std::string& base, const std::string& path, const Form& form) {
  httplib::Params fields(form.begin(), form.end());
  httplib::Request request;
  request.method = "POST";
  request.path = path;
  request.body = httplib::detail::params_to_query_str(fields);
  request.headers.emplace("Content-Type", "application/x-www-form-urlencoded");
  return send(base, std::move(request));
}

}  // namespace duet::privacy
