// supervisor/backoff.h: how long to wait before a died process is started again.
//
// Pure: the caller brings how long it had lived. One process, one policy object.
#pragma once

#include <algorithm>
#include <chrono>

namespace duet {

class RestartBackoff {
 public:
  using Duration = std::chrono::milliseconds;

  static constexpr Duration kSoundLife{2000};  // who lived longer had started well
  static constexpr Duration kAfterSoundLife{50};
  static constexpr Duration kFirst{100};
  static constexpr Duration kMax{5000};

  // Short after a sound life; otherwise doubling with each short life in a row.
  Duration after_life_of(Duration lifetime) {
    if (lifetime > kSoundLife) {
      next_ = kFirst;
      return kAfterSoundLife;
    }
    const Duration wait = next_;
    next_ = std::min(next_ * 2, kMax);
    return wait;
  }

 private:
  Duration next_ = kFirst;
};

}  // namespace duet
