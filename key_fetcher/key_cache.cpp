#include "key_fetcher/key_cache.h"

#include <charconv>
#include <cstdint>

#include "file_io/file.h"
#include "file_io/secret_file.h"

namespace duet {
namespace {

constexpr mode_t kForAll = 0644;  // public keys, and the broker may be another user

}  // namespace

void KeyCache::confirm(std::string_view key_set, Timestamp now) const {
  if (!holds_keys() || read_file(file_) != key_set) write_file_atomically(file_, key_set, kForAll);
  confirm(now);
}

void KeyCache::confirm(Timestamp now) const {
  write_file_atomically(mark(), std::to_string(now.time_since_epoch().count()), kForAll);
}

std::optional<Timestamp> KeyCache::confirmed_at() const {
  if (!holds_keys()) return std::nullopt;
  std::int64_t milliseconds = 0;
  if (std::filesystem::exists(mark())) {
    const std::string text = read_file(mark());
    std::from_chars(text.data(), text.data() + text.size(), milliseconds);
  }
  return Timestamp(std::chrono::milliseconds(milliseconds));
}

void KeyCache::drop() const {
  std::filesystem::remove(file_);
  std::filesystem::remove(mark());
}

}  // namespace duet
