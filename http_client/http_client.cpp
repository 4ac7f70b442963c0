#include "http_client/http_client.h"

#include <utility>

#include "http_client/curl_handle.h"
#include "protocol/secure_url.h"

namespace duet {
namespace {

Failure<std::string> no_answer(std::string why) {
  return Failure<std::string>(std::move(why));
}

// Anything but 0 ends the transfer. Called at least once a second.
int look_whether_to_stop(void* stop, curl_off_t, curl_off_t, curl_off_t, curl_off_t) noexcept {
  return static_cast<const std::stop_token*>(stop)->stop_requested() ? 1 : 0;
}

void bound(CurlHandle& handle, const HttpLimits& limits, const std::stop_token& stop) {
  handle.set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(limits.connect.count()));
  handle.set(CURLOPT_TIMEOUT_MS, static_cast<long>(limits.total.count()));
  handle.set(CURLOPT_FORBID_REUSE, 1L);  // minutes pass between two requests
  handle.set(CURLOPT_XFERINFOFUNCTION, look_whether_to_stop);
  handle.set(CURLOPT_XFERINFODATA, &stop);
  handle.set(CURLOPT_NOPROGRESS, 0L);
}

}  // namespace

std::string HttpResponse::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? "" : found->second;
}

HttpClient::HttpClient(HttpLimits limits) : limits_(limits), handle_(std::make_unique<CurlHandle>()) {}

HttpClient::~HttpClient() = default;

Result<HttpResponse, std::string> HttpClient::get(const HttpRequest& request, const std::stop_token& stop) {
  if (!is_secure_url(request.url)) return no_answer("'" + request.url + "' is no https URL");
  IncomingAnswer answer{.max_body_bytes = limits_.body_bytes};
  const CurlList headers = to_curl_list(request.headers);
  handle_->reset();
  handle_->set(CURLOPT_URL, request.url.c_str());
  handle_->set(CURLOPT_HTTPHEADER, headers.get());
  handle_->ask_nobody_else();
  handle_->verify_peer(request.url.starts_with("https:") ? "https" : "http", request.ca_file);
  handle_->deliver_to(answer);
  bound(*handle_, limits_, stop);
  const CURLcode result = curl_easy_perform(handle_->get());
  if (result == CURLE_WRITE_ERROR) {
    return no_answer("the answer has more than " + std::to_string(limits_.body_bytes) + " bytes");
  }
  if (result != CURLE_OK) return no_answer(handle_->reason(result));
  return HttpResponse{
      .status = handle_->status(), .headers = std::move(answer.headers), .body = std::move(answer.body)};
}

}  // namespace duet
