#include "tests/fault/push_judge.h"

#include <algorithm>
#include <map>
#include <optional>
#include <ostream>
#include <utility>

namespace duet {
namespace {

using PlaceKey = std::pair<std::string, std::string>;  // token, conversation

// What was said at one place so far.
struct SaidThere {
  Seq newest = 0;
  std::map<Seq, std::string> ids;
};

class PushJudge {
 public:
  PushJudge(const std::vector<PushPlace>& places, const std::vector<BridgeDeath>& deaths,
            std::chrono::milliseconds on_its_way)
      : deaths_(deaths), on_its_way_(on_its_way) {
    for (const auto& place : places) places_.emplace(PlaceKey{place.token, place.conversation}, &place);
  }

  void take(const AcceptedPush& push) {
    const PlaceKey key{push.token, push.conversation};
    const auto place = places_.find(key);
    if (place == places_.end()) return breach(PushLaw::real, "nobody's place: " + push.provider);
    const PushPlace& at = *place->second;
    if (push.seq > at.last) breach(PushLaw::real, text_of(at, push) + " is not stored");
    auto& said = said_[key];
    const auto [of_seq, new_seq] = said.ids.try_emplace(push.seq, push.id);
    if (of_seq->second != push.id) breach(PushLaw::one_id, text_of(at, push) + " has two ids");
    const auto [of_id, new_id] = words_.try_emplace(push.id, std::pair(key, push.seq));
    if (of_id->second != std::pair(key, push.seq)) breach(PushLaw::one_word, text_of(at, push));
    if (!new_id) return;
    if (new_seq && push.seq < said.newest) breach(PushLaw::forward, text_of(at, push) + " comes after newer");
    said.newest = std::max(said.newest, push.seq);
    if (const auto read = read_before(at, push)) {
      breach(PushLaw::not_read, text_of(at, push) + " was taken " + std::to_string(push.at_ms - *read) +
                                    " ms after it was known to be read");
    }
  }

  std::vector<PushBreach> finish() {
    for (const auto& [key, place] : places_) {
      const Seq newest = said_[key].newest;
      if (place->last <= place->needless || newest >= place->last) continue;
      breach(PushLaw::told, place->name + " #" + std::to_string(place->last) +
                                " was never pushed: the newest push is of #" + std::to_string(newest));
    }
    return std::move(breaches_);
  }

 private:
  static std::string text_of(const PushPlace& place, const AcceptedPush& push) {
    return place.name + " #" + std::to_string(push.seq);
  }

  // When it was known to be read; none: early enough for the push to have been on its way.
  std::optional<std::int64_t> read_before(const PushPlace& place, const AcceptedPush& push) const {
    const auto first = std::ranges::find_if(place.reads, [&](const auto& r) { return r.seq >= push.seq; });
    if (first == place.reads.end()) return std::nullopt;
    const bool of_the_next = std::ranges::any_of(deaths_, [&](const BridgeDeath& death) {
      return first->at_ms <= death.killed_at_ms && push.at_ms > death.ready_at_ms;
    });
    if (!of_the_next && push.at_ms <= first->at_ms + on_its_way_.count()) return std::nullopt;
    return first->at_ms;
  }

  void breach(PushLaw law, std::string what) { breaches_.push_back({law, std::move(what)}); }

  const std::vector<BridgeDeath>& deaths_;
  const std::chrono::milliseconds on_its_way_;
  std::map<PlaceKey, const PushPlace*> places_;
  std::map<PlaceKey, SaidThere> said_;
  std::map<std::string, std::pair<PlaceKey, Seq>> words_;  // by id
  std::vector<PushBreach> breaches_;
};

}  // namespace

std::string_view to_string(PushLaw law) {
  switch (law) {
    case PushLaw::told:
      return "told";
    case PushLaw::one_id:
      return "one id";
    case PushLaw::one_word:
      return "one word";
    case PushLaw::forward:
      return "forward";
    case PushLaw::real:
      return "real";
    case PushLaw::not_read:
      return "not read";
  }
  return "?";
}

std::ostream& operator<<(std::ostream& out, const PushBreach& breach) {
  return out << to_string(breach.law) << ": " << breach.what;
}

std::vector<PushBreach> judge_pushes(const std::vector<AcceptedPush>& taken,
                                     const std::vector<PushPlace>& places,
                                     const std::vector<BridgeDeath>& deaths,
                                     std::chrono::milliseconds on_its_way) {
  PushJudge judge(places, deaths, on_its_way);
  for (const auto& push : taken) {
    if (push.seq > 0) judge.take(push);
  }
  return judge.finish();
}

}  // namespace duet
