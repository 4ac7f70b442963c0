// auth_service/schema.h: the tables of duet-auth, as migrations/ makes them.
#pragma once

#include <cstdint>
#include <span>

#include "sqlite/migration.h"

namespace duet {

inline constexpr std::int64_t kAuthApplicationId = 1146438977;  // "DUEA", set by the first migration

std::span<const sqlite::Migration> auth_migrations();
inline sqlite::Schema auth_schema() {
  return {kAuthApplicationId, auth_migrations()};
}

}  // namespace duet
