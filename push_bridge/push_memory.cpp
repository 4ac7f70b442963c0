#include "push_bridge/push_memory.h"

#include <algorithm>
#include <numeric>

namespace duet {

int Failures::note(const std::string& id, Cause cause, int attempt) {
  auto& counts = failed_.of(id);
  auto& own = counts.at(static_cast<std::size_t>(cause));
  const int others = std::accumulate(counts.begin(), counts.end(), 0) - own;
  ++own;
  return std::max(attempt - others, 1);
}

}  // namespace duet
