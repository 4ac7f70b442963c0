#include "auth_service/throttle.h"

#include "auth_service/crypto.h"

namespace duet {
namespace {

constexpr std::size_t kThrottleSaltBytes = 32;

// The first 17 bits of the hash, as a key of three bytes.
std::string slot_of(std::string_view salt, std::string_view key) {
  static_assert(Throttle::kSlots == std::size_t{1} << 17);
  auto slot = hmac_sha256(salt, key).substr(0, 3);
  slot[2] = static_cast<char>(static_cast<unsigned char>(slot[2]) & 0x80U);
  return slot;
}

}  // namespace

Throttle::Throttle(RateLimit limit) : salt_(random_bytes(kThrottleSaltBytes)), buckets_(limit) {}

std::optional<std::chrono::milliseconds> Throttle::take(std::string_view key, Clock::time_point now) {
  const auto slot = slot_of(salt_, key);
  const std::scoped_lock lock(mutex_);
  return buckets_.take(slot, now);
}

LoginThrottle::LoginThrottle(RateLimit per_account, RateLimit per_address)
    : accounts_(per_account), addresses_(per_address) {}

std::optional<std::chrono::milliseconds> LoginThrottle::take(std::string_view name, const IpAddress& address,
                                                             Throttle::Clock::time_point now) {
  if (const auto wait = take_address(address, now)) return wait;
  return accounts_.take(name, now);
}

std::optional<std::chrono::milliseconds> LoginThrottle::take_address(const IpAddress& address,
                                                                     Throttle::Clock::time_point now) {
  return addresses_.take(address.owner().text(), now);
}

}  // namespace duet
