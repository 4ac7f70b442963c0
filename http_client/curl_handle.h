// http_client/curl_handle.h: what the uses of libcurl have in common. For those alone: no other header
// includes it.
#pragma once

#include <curl/curl.h>

#include <array>
#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace duet {

// For as long as the process lives: libcurl asks for one call, before there are threads.
void set_up_curl();

struct FreeCurlList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using CurlList = std::unique_ptr<curl_slist, FreeCurlList>;

CurlList to_curl_list(const std::vector<std::string>& lines);

// One answer as it comes in. More headers than fit end the transfer.
struct IncomingAnswer {
  std::map<std::string, std::string> headers = {};  // names in lower case; the last of a name
  std::string body = {};
  std::size_t max_body_bytes = 0;
  bool body_cut = false;  // there was more; the transfer ends with CURLE_WRITE_ERROR
  std::size_t header_bytes = 0;
};

// One easy handle.
class CurlHandle {
 public:
  CurlHandle();
  ~CurlHandle();
  CurlHandle(const CurlHandle&) = delete;
  CurlHandle& operator=(const CurlHandle&) = delete;

  CURL* get() const { return curl_; }

  // Every option as it was at first; connections stay.
  void reset();
  // Throws when this libcurl does not have the option: it would be a check that is not made.
  template <typename Value>
  void set(CURLoption option, Value value) {
    if (curl_easy_setopt(curl_, option, value) != CURLE_OK) {
      throw std::runtime_error("libcurl does not take option " + std::to_string(option));
    }
  }
  // No signals, no redirects, no proxy of the environment.
  void ask_nobody_else();
  // The server's certificate, by `ca_file` or whom the system believes. `scheme`: the only one that is
  // spoken.
  void verify_peer(const char* scheme, const std::filesystem::path& ca_file);
  void deliver_to(IncomingAnswer& answer);

  int status() const;
  // Why a transfer ended with `code`. Call forget_reason before the next transfer.
  std::string reason(CURLcode code) const;
  void forget_reason() { said_.fill('\0'); }

 private:
  CURL* curl_;
  std::array<char, CURL_ERROR_SIZE> said_{};
};

// Many transfers at once.
class CurlMulti {
 public:
  CurlMulti();
  ~CurlMulti() { curl_multi_cleanup(multi_); }
  CurlMulti(const CurlMulti&) = delete;
  CurlMulti& operator=(const CurlMulti&) = delete;

  CURLM* get() const { return multi_; }
  void set(CURLMoption option, long value);  // throws as CurlHandle's

 private:
  CURLM* multi_;
};

}  // namespace duet
