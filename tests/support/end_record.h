// tests/support/end_record.h: what the store tells a user of a conversation when everything has settled.
#pragma once

#include <string>
#include <vector>

#include "tests/support/history_checker.h"

namespace duet {

class Chatter;
class TestPlatform;

// Asks as a fresh device of `user`: the whole history with `peer`, and both sides' marks. `devices` are what
// the user's devices recorded. Throws std::runtime_error when the store does not answer.
UserRecord end_record(const TestPlatform& platform, const std::string& user, const std::string& peer,
                      std::vector<DeviceRecord> devices);
// The same, of a device's conversation.
UserRecord record_of(const TestPlatform& platform, const Chatter& chatter);

}  // namespace duet
