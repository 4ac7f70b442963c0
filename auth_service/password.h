// auth_service/password.h: passwords and their hashes, Argon2id (RFC 9106).
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/result.h"

namespace duet {

// 8 to 1,024 bytes. Immutable; never printed.
class Password {
 public:
  static constexpr std::size_t kMinBytes = 8;
  static constexpr std::size_t kMaxBytes = 1024;

  // The password that `text` means, however it was typed: in the form of opaque_string.h, whose bytes count.
  static std::optional<Password> parse(std::string_view text);
  // The bytes as they came: UTF-8 without U+0000. Hashes from before passwords had one form are of these.
  static std::optional<Password> as_typed(std::string_view text);
  std::string_view bytes() const { return bytes_; }

 private:
  explicit Password(std::string_view bytes) : bytes_(bytes) {}
  std::string bytes_;
};

// What one hash costs (RFC 9106 4).
struct Argon2Cost {
  std::uint32_t memory_kib = 19 * 1024;
  std::uint32_t iterations = 2;
  std::uint32_t lanes = 1;
};

// So many hashes are computed at a time, each by the thread that asks; so many threads may wait for a turn.
struct HashLimits {
  std::size_t at_once = 2;
  std::size_t waiting = 8;
};

enum class HashError : std::uint8_t { busy };  // too many wait already; nothing was computed

// Thread-safe. Throws std::runtime_error when Argon2 cannot (no memory).
class PasswordHasher {
 public:
  PasswordHasher(Argon2Cost cost, HashLimits limits);

  // A PHC string with a fresh salt: $argon2id$v=19$m=…,t=…,p=…$salt$hash
  Result<std::string, HashError> hash(const Password& password);

  // Whether `stored` is of that password. Without a stored hash the answer is no, after the work of one at
  // today's cost: nobody learns from the time it takes whether there is an account.
  Result<bool, HashError> verify(const Password& password, const std::optional<std::string>& stored);

  // Whether it was made at another cost than today's.
  bool outdated(std::string_view stored) const;

  // Argon2 computations since the start.
  std::uint64_t computations() const { return computations_; }

 private:
  class Turn;

  // Constant after construction.
  const Argon2Cost cost_;
  const HashLimits limits_;
  const std::string prefix_;
  const std::string nobodys_;  // the hash of no password that anybody knows

  std::atomic<std::uint64_t> computations_{0};
  std::mutex mutex_;
  std::condition_variable freed_;
  // Guarded by mutex_.
  std::size_t running_ = 0;
  std::size_t waiting_ = 0;
};

}  // namespace duet
