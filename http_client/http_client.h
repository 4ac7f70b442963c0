// http_client/http_client.h: requests to servers that are not ours, over libcurl.
//
// Nothing of a server is believed but what its certificate proves, and nothing it sends can take more than a
// bound of memory or of time:
//   - https with the host's certificate verified, TLS 1.2 or newer; http of this machine alone
//   (is_secure_url)
//   - no redirect is followed, no proxy of the environment used, no content encoding asked for
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "protocol/result.h"

namespace duet {

class CurlHandle;

struct HttpRequest {
  std::string url;
  std::vector<std::string> headers = {};  // "Name: value"
  std::filesystem::path ca_file = {};     // PEM: whom to believe; empty: whom the system believes
};

struct HttpResponse {
  int status = 0;
  std::map<std::string, std::string> headers = {};  // names in lower case; the last of a name
  std::string body = {};

  // Empty when there is none.
  std::string header(const std::string& name) const;
};

// What asks: an HttpClient, or a test's double. The error is a sentence about the server, without its words.
using HttpGet = std::function<Result<HttpResponse, std::string>(const HttpRequest&, const std::stop_token&)>;

struct HttpLimits {
  std::chrono::milliseconds connect{5'000};
  std::chrono::milliseconds total{15'000};  // until the last byte of the answer
  std::size_t body_bytes = std::size_t{256} * 1024;
};

// Used by one thread at a time. Construct the first before there are other threads (libcurl's own set-up).
class HttpClient {
 public:
  explicit HttpClient(HttpLimits limits = {});
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // Returns once the whole answer is there, whatever its status. A stop request ends it within a second.
  Result<HttpResponse, std::string> get(const HttpRequest& request, const std::stop_token& stop = {});

 private:
  const HttpLimits limits_;
  const std::unique_ptr<CurlHandle> handle_;
};

}  // namespace duet
