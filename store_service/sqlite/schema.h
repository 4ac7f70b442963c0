// store_service/sqlite/schema.h: the store's tables, as migrations/ makes them.
#pragma once

#include <cstdint>
#include <span>

#include "sqlite/migration.h"

namespace duet::sqlite {

inline constexpr std::int64_t kApplicationId = 1146438996;  // "DUET", set by the first migration

std::span<const Migration> migrations();
inline Schema schema() {
  return {kApplicationId, migrations()};
}

}  // namespace duet::sqlite
