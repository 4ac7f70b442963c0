// push_bridge/schema.h: the tables of duet-push, as migrations/ makes them.
#pragma once

#include <cstdint>
#include <span>

#include "sqlite/migration.h"

namespace duet {

inline constexpr std::int64_t kPushApplicationId = 1146438992;  // "DUEP", set by the first migration

std::span<const sqlite::Migration> push_migrations();
inline sqlite::Schema push_schema() {
  return {kPushApplicationId, push_migrations()};
}

}  // namespace duet
