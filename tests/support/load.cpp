#include "tests/support/load.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "tests/support/end_record.h"
#include "tests/support/test_platform.h"

namespace duet {

Load::Load(const TestPlatform& platform, const LoadSpec& spec) : platform_(platform) {
  for (int pair = 1; pair <= spec.pairs; ++pair) {
    const std::string left = "left" + spec.name + std::to_string(pair);
    const std::string right = "right" + spec.name + std::to_string(pair);
    for (const auto& [user, peer] : {std::pair(left, right), std::pair(right, left)}) {
      chatters_.push_back(std::make_unique<Chatter>(
          platform, ChatterSpec{.user = user,
                                .peer = peer,
                                .version = user == left ? MqttVersion::v3_1_1 : MqttVersion::v5,
                                .interval = spec.interval,
                                .entrance = spec.entrance,
                                .receipts = true,
                                .on_confirmed = spec.on_confirmed}));
    }
  }
}

void Load::await_growth(Count count, std::size_t more) const {
  std::vector<std::size_t> goals;
  goals.reserve(chatters_.size());
  for (const auto& chatter : chatters_) goals.push_back((*chatter.*count)() + more);
  const bool grown = eventually([&] {
    return std::ranges::equal(chatters_, goals, [count](const auto& chatter, std::size_t goal) {
      return (*chatter.*count)() >= goal;
    });
  });
  if (!grown) throw std::runtime_error("no progress\n" + platform_.logs());
}

void Load::want_sync() const {
  for (const auto& chatter : chatters_) chatter->want_sync();
}

Load::Judgement Load::finish(Connections connections) const {
  Judgement judgement;
  for (const auto& chatter : chatters_) {
    if (!chatter->finish()) judgement.complaints.push_back(chatter->user() + " has unconfirmed messages");
  }
  for (std::size_t i = 0; i < chatters_.size(); i += 2) {
    judge(*chatters_[i], *chatters_[i + 1], connections, judgement);
  }
  return judgement;
}

void Load::judge(Chatter& left, Chatter& right, Connections connections, Judgement& judgement) const {
  const auto expect = [&](bool holds, const std::string& otherwise) {
    if (!holds) judgement.complaints.push_back(otherwise);
  };
  const Seq last = std::max(left.highest_seen(), right.highest_seen());
  for (Chatter* chatter : {&left, &right}) {
    if (connections == Connections::lost) chatter->sync_again();
    expect(eventually([&] { return chatter->seen_all(last); }), chatter->user() + " has not seen all");
    expect(connections == Connections::lost || chatter->connections() == 1,
           chatter->user() + " had to connect again");
    expect(eventually([&] { return chatter->quiet(); }), chatter->user() + " does not come to rest");
    for (const std::string& complaint : chatter->complaints()) expect(false, complaint);
  }
  const UserRecord one = record_of(platform_, left);
  judgement.stored += one.history.size();
  for (Violation& violation : check_conversation(one, record_of(platform_, right))) {
    judgement.violations.push_back(std::move(violation));
  }
}

}  // namespace duet
