// tests/support/load.h: pairs of devices that talk without end, whatever dies meanwhile, and are compared at
// the end.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/chatter.h"
#include "tests/support/history_checker.h"

namespace duet {

class TestPlatform;

struct LoadSpec {
  int pairs = 2;                         // each of one device with MQTT 3.1.1 and one with 5
  std::chrono::milliseconds interval{};  // between two messages of a device
  std::string name = {};  // part of the users' names: loads on one platform have different ones
  Entrance entrance = Entrance::broker;
  std::function<void(Chatter::Clock::time_point published)> on_confirmed = {};  // see ChatterSpec
};

// Used by one thread at a time; the devices run in their own. The platform outlives it.
class Load {
 public:
  Load(const TestPlatform& platform, const LoadSpec& spec);

  // Waits until each device has had so many more messages confirmed: the platform works again, for
  // everybody. Throws std::runtime_error, with the logs, otherwise.
  void await_progress(std::size_t more) const { await_growth(&Chatter::confirmed, more); }
  // Waits until each has published so many more.
  void await_published(std::size_t more) const { await_growth(&Chatter::published, more); }
  // Every device asks for one more sync, soon.
  void want_sync() const;

  enum class Connections : std::uint8_t { kept, lost };
  struct Judgement {
    std::size_t stored = 0;
    std::vector<Violation> violations;
    std::vector<std::string> complaints;  // what else should not be
  };
  // Ends the load, and waits until all is confirmed and told. While connections are kept everything must come
  // by itself: no sync fills a hole, and nobody had to connect again.
  Judgement finish(Connections connections) const;

 private:
  using Count = std::size_t (Chatter::*)() const;
  void await_growth(Count count, std::size_t more) const;
  void judge(Chatter& left, Chatter& right, Connections connections, Judgement& judgement) const;

  const TestPlatform& platform_;
  std::vector<std::unique_ptr<Chatter>> chatters_;  // one and its peer, and so on
};

}  // namespace duet
