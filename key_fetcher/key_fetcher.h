// key_fetcher/key_fetcher.h: keeps the keys of every issuer of a list, and follows the list.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <thread>

#include "service/health.h"

namespace duet {

// A thread that looks at the list once a second, and one for each issuer whose keys are remote: a provider
// that is slow keeps nobody else waiting. All end with the object, within about a second.
class KeyFetcher {
 public:
  // Throws std::exception, naming it, when the list cannot be read at the start; later the issuers stay as
  // they were. Its loop, and whether the list can be
  // read, are told to `health`, which outlives it. Files that cannot be written (a full disk) are tried
  // again. `failed` is called, from another thread, when something else goes wrong.
  KeyFetcher(std::filesystem::path issuers, std::filesystem::path directory, Health& health,
             std::function<void()> failed);
  ~KeyFetcher();
  KeyFetcher(const KeyFetcher&) = delete;
  KeyFetcher& operator=(const KeyFetcher&) = delete;

 private:
  class Issuers;
  const std::unique_ptr<Issuers> issuers_;
  std::jthread watch_;  // ends before what it looks after
};

}  // namespace duet
