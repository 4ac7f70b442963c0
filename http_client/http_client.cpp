#include "http_client/http_client.h"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "protocol/secure_url.h"

namespace duet {
namespace {

constexpr std::size_t kMaxHeaderBytes = std::size_t{32} * 1024;

// For as long as the process lives: libcurl asks for one call, before there are threads.
void set_up_curl() {
  static const CURLcode result = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (result != CURLE_OK) throw std::runtime_error("libcurl cannot be used");
}

struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using HeaderList = std::unique_ptr<curl_slist, FreeList>;

HeaderList to_list(const std::vector<std::string>& headers) {
  HeaderList list;
  for (const auto& header : headers) {
    curl_slist* longer = curl_slist_append(list.get(), header.c_str());
    if (longer == nullptr) throw std::bad_alloc();
    static_cast<void>(list.release());
    list.reset(longer);
  }
  return list;
}

// One answer as it comes in.
struct Incoming {
  HttpResponse response;
  std::size_t header_bytes = 0;
  std::size_t max_body_bytes = 0;
  std::stop_token stop;
};

Failure<std::string> no_answer(std::string why) {
  return Failure<std::string>(std::move(why));
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const auto first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

// Anything but `bytes` ends the transfer.
std::size_t take_body(const char* data, std::size_t /*one*/, std::size_t bytes, void* self) noexcept try {
  auto& incoming = *static_cast<Incoming*>(self);
  if (incoming.response.body.size() + bytes > incoming.max_body_bytes) return 0;
  incoming.response.body.append(data, bytes);
  return bytes;
} catch (const std::exception&) {
  return 0;
}

std::size_t take_header(const char* data, std::size_t /*one*/, std::size_t bytes, void* self) noexcept try {
  auto& incoming = *static_cast<Incoming*>(self);
  incoming.header_bytes += bytes;
  if (incoming.header_bytes > kMaxHeaderBytes) return 0;
  const std::string_view line(data, bytes);
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return bytes;
  std::string name(trimmed(line.substr(0, colon)));
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
  incoming.response.headers[name] = trimmed(line.substr(colon + 1));
  return bytes;
} catch (const std::exception&) {
  return 0;
}

// Anything but 0 ends the transfer. Called at least once a second.
int look_whether_to_stop(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) noexcept {
  return static_cast<const Incoming*>(self)->stop.stop_requested() ? 1 : 0;
}

}  // namespace

std::string HttpResponse::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? "" : found->second;
}

class HttpClient::Handle {
 public:
  Handle() : curl_(curl_easy_init()) {
    if (curl_ == nullptr) throw std::bad_alloc();
  }
  ~Handle() { curl_easy_cleanup(curl_); }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  void reset() {
    curl_easy_reset(curl_);
    said_.fill('\0');
    set(CURLOPT_ERRORBUFFER, said_.data());
  }
  // An option that this libcurl does not have would be a check that is not made.
  template <typename Value>
  void set(CURLoption option, Value value) {
    if (curl_easy_setopt(curl_, option, value) != CURLE_OK) {
      throw std::runtime_error("libcurl does not take option " + std::to_string(option));
    }
  }
  CURLcode perform() { return curl_easy_perform(curl_); }
  int status() const {
    long status = 0;
    curl_easy_getinfo(curl_, CURLINFO_RESPONSE_CODE, &status);
    return static_cast<int>(status);
  }
  std::string reason(CURLcode code) const {
    return said_[0] != '\0' ? said_.data() : curl_easy_strerror(code);
  }

  void bound(const HttpLimits& limits) {
    set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(limits.connect.count()));
    set(CURLOPT_TIMEOUT_MS, static_cast<long>(limits.total.count()));
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_PROXY, "");
    set(CURLOPT_FORBID_REUSE, 1L);  // minutes pass between two requests
  }
  void verify_peer(const HttpRequest& request) {
    set(CURLOPT_PROTOCOLS_STR, request.url.starts_with("https:") ? "https" : "http");
    set(CURLOPT_SSL_VERIFYPEER, 1L);
    set(CURLOPT_SSL_VERIFYHOST, 2L);
    set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    if (request.ca_file.empty()) return;
    set(CURLOPT_CAINFO, request.ca_file.c_str());
    set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));
  }
  void deliver_to(Incoming& incoming) {
    set(CURLOPT_WRITEFUNCTION, take_body);
    set(CURLOPT_WRITEDATA, &incoming);
    set(CURLOPT_HEADERFUNCTION, take_header);
    set(CURLOPT_HEADERDATA, &incoming);
    set(CURLOPT_XFERINFOFUNCTION, look_whether_to_stop);
    set(CURLOPT_XFERINFODATA, &incoming);
    set(CURLOPT_NOPROGRESS, 0L);
  }

 private:
  CURL* curl_;
  std::array<char, CURL_ERROR_SIZE> said_{};
};

HttpClient::HttpClient(HttpLimits limits)
    : limits_(limits), handle_((set_up_curl(), std::make_unique<Handle>())) {}

HttpClient::~HttpClient() = default;

Result<HttpResponse, std::string> HttpClient::get(const HttpRequest& request, const std::stop_token& stop) {
  if (!is_secure_url(request.url)) return no_answer("'" + request.url + "' is no https URL");
  Incoming incoming;
  incoming.max_body_bytes = limits_.body_bytes;
  incoming.stop = stop;
  const HeaderList headers = to_list(request.headers);
  handle_->reset();
  handle_->set(CURLOPT_URL, request.url.c_str());
  handle_->set(CURLOPT_HTTPHEADER, headers.get());
  handle_->set(CURLOPT_USERAGENT, "duet");
  handle_->bound(limits_);
  handle_->verify_peer(request);
  handle_->deliver_to(incoming);
  const CURLcode result = handle_->perform();
  if (result == CURLE_WRITE_ERROR) {
    return no_answer("the answer has more than " + std::to_string(limits_.body_bytes) + " bytes");
  }
  if (result != CURLE_OK) return no_answer(handle_->reason(result));
  incoming.response.status = handle_->status();
  return std::move(incoming.response);
}

}  // namespace duet
