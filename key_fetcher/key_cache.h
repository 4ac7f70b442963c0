// key_fetcher/key_cache.h: the file with an issuer's keys that the broker watches.
//
// Beside it lies FILE.checked with the time (ms) at which the provider last said that these are its keys: the
// file itself changes only when the keys do. One thread owns it. Failures are std::system_error.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/names.h"

namespace duet {

class KeyCache {
 public:
  explicit KeyCache(std::filesystem::path file) : file_(std::move(file)) {}

  const std::filesystem::path& file() const { return file_; }
  bool holds_keys() const { return std::filesystem::exists(file_); }

  // These are the keys, as of `now`. Replaces the file as a whole if it holds others.
  void confirm(std::string_view key_set, Timestamp now) const;
  // They are still those of the file.
  void confirm(Timestamp now) const;
  // When they were last confirmed; nullopt without keys.
  std::optional<Timestamp> confirmed_at() const;
  // From now on the issuer has no keys.
  void drop() const;

 private:
  std::filesystem::path mark() const { return file_.string() + ".checked"; }
  const std::filesystem::path file_;
};

}  // namespace duet
