// tests/support/siege.h: an attack on the platform, and what two bystanders notice of it.
//
// The short form proves that everything of theirs arrives and that memory stays bounded. With
// DUET_SIEGE_MESSAGES=500 they say so many messages (100 a second) before each attack and during it, and
// their p99 must stay within twice what it was before, in the same run. The attackers have idle priority
// then: in life they have machines of their own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "tests/support/bystanders.h"

namespace duet {

struct SiegeSpec {
  std::string bystanders;  // part of their names, see LoadSpec
  Entrance entrance = Entrance::broker;
  std::size_t memory_at_most = std::size_t{16} << 20;  // bytes that all services may take more than before
  enum class Pace : std::uint8_t { flood, slow } pace = Pace::flood;  // slow: not more often than they speak
};

// How long the long form is; 0: the short one.
std::size_t siege_messages();

// `attack`, over and over in a thread of its own, until the bystanders have said enough. Fails the test.
void besiege(const TestPlatform& platform, const SiegeSpec& spec, const std::function<void()>& attack);

}  // namespace duet
