// key_fetcher/issuer_keys.h: the keys of one provider, asked for again and again.
//
// One thread owns it. The caller waits between two attempts.
#pragma once

#include <chrono>
#include <filesystem>
#include <stop_token>
#include <string>

#include "acl/issuers.h"
#include "http_client/http_client.h"
#include "key_fetcher/key_cache.h"
#include "protocol/names.h"

namespace duet {

class IssuerKeys {
 public:
  // Precondition: entry.remote. `get` must outlive it.
  IssuerKeys(IssuerEntry entry, const std::filesystem::path& directory, HttpGet get);

  // Asks once. A set that can be used replaces the old one; otherwise the old one stays for as long as
  // RemoteKeys::keep says. Logs when it begins to fail and when that is over, not each time. `random` is of
  // [0, 1). Returns how long to wait until the next attempt. Throws std::system_error when the file cannot be
  // written.
  std::chrono::milliseconds attempt(Timestamp now, double random, const std::stop_token& stop);

 private:
  Result<HttpResponse, std::string> fetch(const std::stop_token& stop);
  Result<std::string, std::string> discovered_url(const std::stop_token& stop);
  std::chrono::milliseconds succeed(const HttpResponse& answer, Timestamp now);
  std::chrono::milliseconds fail(const std::string& why, Timestamp now, double random);

  const IssuerEntry entry_;
  const KeyCache cache_;
  const HttpGet get_;
  std::string etag_;  // of what the file holds; empty: not known
  int failures_ = 0;  // in a row
};

}  // namespace duet
