#include "auth_service/password.h"

#include <argon2.h>

#include <stdexcept>

#include "acl/crypto.h"
#include "auth_service/opaque_string.h"
#include "protocol/json_codec.h"

namespace duet {
namespace {

constexpr std::size_t kSaltBytes = 16;
constexpr std::size_t kHashBytes = 32;

[[noreturn]] void fail(int error) {
  throw std::runtime_error(std::string("Argon2 cannot hash a password: ") + argon2_error_message(error));
}

std::string prefix_of(const Argon2Cost& cost) {
  return "$argon2id$v=19$m=" + std::to_string(cost.memory_kib) + ",t=" + std::to_string(cost.iterations) +
         ",p=" + std::to_string(cost.lanes) + "$";
}

std::string argon2id(const Argon2Cost& cost, std::string_view password) {
  const auto salt = random_bytes(kSaltBytes);
  std::string encoded(
      argon2_encodedlen(cost.iterations, cost.memory_kib, cost.lanes, kSaltBytes, kHashBytes, Argon2_id),
      '\0');
  const int error =
      argon2id_hash_encoded(cost.iterations, cost.memory_kib, cost.lanes, password.data(), password.size(),
                            salt.data(), salt.size(), kHashBytes, encoded.data(), encoded.size());
  if (error != ARGON2_OK) fail(error);
  encoded.resize(encoded.find('\0'));
  return encoded;
}

}  // namespace

std::optional<Password> Password::parse(std::string_view text) {
  const auto normal = opaque_string(text);
  return normal ? as_typed(*normal) : std::nullopt;
}

std::optional<Password> Password::as_typed(std::string_view text) {
  if (text.size() < kMinBytes || text.size() > kMaxBytes) return std::nullopt;
  if (text.find('\0') != std::string_view::npos || !is_utf8(std::string(text))) return std::nullopt;
  return Password(text);
}

// A place among those that compute, or none when too many wait for one.
class PasswordHasher::Turn {
 public:
  explicit Turn(PasswordHasher& hasher) : hasher_(hasher) {
    std::unique_lock lock(hasher_.mutex_);
    if (hasher_.running_ >= hasher_.limits_.at_once && hasher_.waiting_ >= hasher_.limits_.waiting) return;
    ++hasher_.waiting_;
    hasher_.freed_.wait(lock, [this] { return hasher_.running_ < hasher_.limits_.at_once; });
    --hasher_.waiting_;
    ++hasher_.running_;
    taken_ = true;
  }
  ~Turn() {
    if (!taken_) return;
    const std::scoped_lock lock(hasher_.mutex_);
    --hasher_.running_;
    hasher_.freed_.notify_one();
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

  bool taken() const { return taken_; }

 private:
  PasswordHasher& hasher_;
  bool taken_ = false;
};

PasswordHasher::PasswordHasher(Argon2Cost cost, HashLimits limits)
    : cost_(cost), limits_(limits), prefix_(prefix_of(cost)), nobodys_(argon2id(cost, random_bytes(32))) {}

Result<std::string, HashError> PasswordHasher::hash(const Password& password) {
  const Turn turn(*this);
  if (!turn.taken()) return Failure<HashError>(HashError::busy);
  ++computations_;
  return argon2id(cost_, password.bytes());
}

Result<bool, HashError> PasswordHasher::verify(const Password& password,
                                               const std::optional<std::string>& stored) {
  const Turn turn(*this);
  if (!turn.taken()) return Failure<HashError>(HashError::busy);
  ++computations_;
  const auto& encoded = stored ? *stored : nobodys_;
  const int result = argon2id_verify(encoded.c_str(), password.bytes().data(), password.bytes().size());
  if (result == ARGON2_VERIFY_MISMATCH) return false;
  if (result != ARGON2_OK) fail(result);
  return stored.has_value();
}

bool PasswordHasher::outdated(std::string_view stored) const {
  return stored.substr(0, prefix_.size()) != prefix_;
}

}  // namespace duet
