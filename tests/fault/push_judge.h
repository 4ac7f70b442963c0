// tests/fault/push_judge.h: whether the pushes that the providers took are the ones that were needed.
//
// Pure: it compares what was recorded. push_judge_test.cpp shows that each law can be broken.
#pragma once

#include <chrono>
#include <cstdint>
#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/names.h"
#include "tests/support/push_double.h"

namespace duet {

// The user's read mark, and when somebody had been told of it: the store had committed it before.
struct KnownRead {
  Seq seq;
  std::int64_t at_ms;  // since the Unix epoch, as all times here
};

// A device's conversation, when everything has settled.
struct PushPlace {
  std::string name;          // for people
  std::string token;         // as the provider sees the device
  std::string conversation;  // as the provider sees the peer
  Seq last = 0;              // message for the user, of those that are stored
  Seq needless = 0;          // up to here the device has confirmed, or the user has read, by the store's word
  std::vector<KnownRead> reads = {};
};

struct BridgeDeath {
  std::int64_t killed_at_ms;  // just before
  std::int64_t ready_at_ms;   // when the next process had said that it works
};

enum class PushLaw : std::uint8_t {
  told,      // the newest push of a place speaks of its last message, unless that needs none
  one_id,    // pushes of the same message for the same place bear one id
  one_word,  // an id says one thing
  forward,   // what is pushed anew at a place speaks of a newer message than what was pushed before
  real,      // no push is of a place that is not there, or of a message that is not stored
  not_read,  // nothing is pushed that had been read before
};
std::string_view to_string(PushLaw law);

struct PushBreach {
  PushLaw law;
  std::string what;
};
std::ostream& operator<<(std::ostream& out, const PushBreach& breach);

// `taken`: in the order in which the providers took them; what is no news (seq 0) is passed over.
//
// On not_read: a push cannot be called back once it has left, so a read that is stored at that very moment
// comes too late for it. How late is too late? Before a push leaves, the bridge has asked the store, and
// leaves it alone as soon as the store's log tells it of a read. So a push that is taken
//   - later than `on_its_way` after somebody was told that the message is read, or
//   - by any time after a bridge was killed that already could have known, by the next one: that one asks
//     the store before its every push,
// was made in spite of the read. This is of each push's first time: repeats of what was taken and never
// answered for may come later.
std::vector<PushBreach> judge_pushes(const std::vector<AcceptedPush>& taken,
                                     const std::vector<PushPlace>& places,
                                     const std::vector<BridgeDeath>& deaths,
                                     std::chrono::milliseconds on_its_way);

}  // namespace duet
