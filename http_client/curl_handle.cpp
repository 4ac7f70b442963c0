#include "http_client/curl_handle.h"

#include <algorithm>
#include <cctype>
#include <new>
#include <string_view>

namespace duet {
namespace {

constexpr std::size_t kMaxHeaderBytes = std::size_t{32} * 1024;

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const auto first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

// Anything but `bytes` ends the transfer.
std::size_t take_body(const char* data, std::size_t /*one*/, std::size_t bytes, void* self) noexcept try {
  auto& answer = *static_cast<IncomingAnswer*>(self);
  const std::size_t room = answer.max_body_bytes - answer.body.size();
  answer.body.append(data, std::min(bytes, room));
  answer.body_cut = bytes > room;
  return answer.body_cut ? 0 : bytes;
} catch (const std::exception&) {
  return 0;
}

std::size_t take_header(const char* data, std::size_t /*one*/, std::size_t bytes, void* self) noexcept try {
  auto& answer = *static_cast<IncomingAnswer*>(self);
  answer.header_bytes += bytes;
  if (answer.header_bytes > kMaxHeaderBytes) return 0;
  const std::string_view line(data, bytes);
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return bytes;
  std::string name(trimmed(line.substr(0, colon)));
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
  answer.headers[name] = trimmed(line.substr(colon + 1));
  return bytes;
} catch (const std::exception&) {
  return 0;
}

}  // namespace

void set_up_curl() {
  static const CURLcode result = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (result != CURLE_OK) throw std::runtime_error("libcurl cannot be used");
}

CurlList to_curl_list(const std::vector<std::string>& lines) {
  CurlList list;
  for (const auto& line : lines) {
    curl_slist* longer = curl_slist_append(list.get(), line.c_str());
    if (longer == nullptr) throw std::bad_alloc();
    static_cast<void>(list.release());
    list.reset(longer);
  }
  return list;
}

CurlHandle::CurlHandle() : curl_((set_up_curl(), curl_easy_init())) {
  if (curl_ == nullptr) throw std::bad_alloc();
  reset();
}

CurlHandle::~CurlHandle() {
  curl_easy_cleanup(curl_);
}

void CurlHandle::reset() {
  curl_easy_reset(curl_);
  forget_reason();
  set(CURLOPT_ERRORBUFFER, said_.data());
  set(CURLOPT_USERAGENT, "duet");
}

void CurlHandle::ask_nobody_else() {
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_PROXY, "");
}

void CurlHandle::verify_peer(const char* scheme, const std::filesystem::path& ca_file) {
  set(CURLOPT_PROTOCOLS_STR, scheme);
  set(CURLOPT_SSL_VERIFYPEER, 1L);
  set(CURLOPT_SSL_VERIFYHOST, 2L);
  set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (ca_file.empty()) return;
  set(CURLOPT_CAINFO, ca_file.c_str());
  set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));
}

void CurlHandle::deliver_to(IncomingAnswer& answer) {
  set(CURLOPT_WRITEFUNCTION, take_body);
  set(CURLOPT_WRITEDATA, &answer);
  set(CURLOPT_HEADERFUNCTION, take_header);
  set(CURLOPT_HEADERDATA, &answer);
}

int CurlHandle::status() const {
  long status = 0;
  curl_easy_getinfo(curl_, CURLINFO_RESPONSE_CODE, &status);
  return static_cast<int>(status);
}

std::string CurlHandle::reason(CURLcode code) const {
  return said_[0] != '\0' ? said_.data() : curl_easy_strerror(code);
}

CurlMulti::CurlMulti() : multi_((set_up_curl(), curl_multi_init())) {
  if (multi_ == nullptr) throw std::bad_alloc();
}

void CurlMulti::set(CURLMoption option, long value) {
  if (curl_multi_setopt(multi_, option, value) != CURLM_OK) {
    throw std::runtime_error("libcurl does not take option " + std::to_string(option));
  }
}

}  // namespace duet
