// store_service/sqlite/sip_hash.h: SipHash-2-4 (Aumasson and Bernstein, 2012), a hash with a secret key.
//
// Message ids are chosen by clients; without the key nobody can choose many with the same hash.
#pragma once

#include <cstdint>
#include <string_view>

namespace duet::sqlite {

struct SipKey {
  std::uint64_t k0;
  std::uint64_t k1;
};

// Pure. Stored in databases: must never change.
std::uint64_t sip_hash(const SipKey& key, std::string_view bytes);

}  // namespace duet::sqlite
