#include "auth_service/throttle.h"

#include <cstring>

#include "acl/crypto.h"

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

std::uint64_t hash_of(std::string_view salt, std::string_view key) {
  const auto bytes = hmac_sha256(salt, key);
  std::uint64_t hash = 0;
  std::memcpy(&hash, bytes.data(), sizeof hash);
  return hash;
}

// No name of one kind is one of another.
std::string key_of(const Secret& secret) {
  return std::to_string(static_cast<int>(secret.kind)) + ' ' + std::string(secret.name);
}

// An address has no blank.
std::string key_at(const IpAddress& address, std::string_view key) {
  return address.owner().text() + ' ' + std::string(key);
}

}  // namespace

Throttle::Throttle(RateLimit limit) : salt_(random_bytes(kThrottleSaltBytes)), buckets_(limit) {}

std::optional<std::chrono::milliseconds> Throttle::take(std::string_view key, Clock::time_point now) {
  const auto slot = slot_of(salt_, key);
  const std::scoped_lock lock(mutex_);
  return buckets_.take(slot, now);
}

std::optional<std::chrono::milliseconds> Throttle::look(std::string_view key, Clock::time_point now) const {
  const auto slot = slot_of(salt_, key);
  const std::scoped_lock lock(mutex_);
  return buckets_.look(slot, now);
}

RecentKeys::RecentKeys() : salt_(random_bytes(kThrottleSaltBytes)), slots_(kSlots) {}

void RecentKeys::add(std::string_view key) {
  const auto hash = hash_of(salt_, key);
  const std::scoped_lock lock(mutex_);
  slots_[hash % kSlots] = hash;
}

bool RecentKeys::contains(std::string_view key) const {
  const auto hash = hash_of(salt_, key);
  const std::scoped_lock lock(mutex_);
  return slots_[hash % kSlots] == hash;
}

LoginThrottle::LoginThrottle(RateLimit per_account, RateLimit per_address, RateLimit failures_per_account)
    : accounts_(per_account), addresses_(per_address), failures_(failures_per_account) {}

std::optional<std::chrono::milliseconds> LoginThrottle::take(const Secret& secret, const IpAddress& address,
                                                             Throttle::Clock::time_point now) {
  if (const auto wait = take_address(address, now)) return wait;
  const auto key = key_of(secret);
  const auto place = key_at(address, key);
  if (const auto wait = accounts_.take(place, now)) return wait;
  return places_.contains(place) ? std::nullopt : failures_.look(key, now);
}

std::optional<std::chrono::milliseconds> LoginThrottle::take_address(const IpAddress& address,
                                                                     Throttle::Clock::time_point now) {
  return addresses_.take(address.owner().text(), now);
}

void LoginThrottle::failed(const Secret& secret, Throttle::Clock::time_point now) {
  failures_.take(key_of(secret), now);
}

void LoginThrottle::succeeded(const Secret& secret, const IpAddress& address) {
  places_.add(key_at(address, key_of(secret)));
}

}  // namespace duet
