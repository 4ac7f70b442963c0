// What arrives at a chatter, in the client's thread.

#include <charconv>
#include <variant>

#include "protocol/json_codec.h"
#include "tests/support/chatter.h"

namespace duet {

void Chatter::take(const Received& received) {
  const auto topic = parse_topic(received.topic);
  const auto* in = topic ? std::get_if<InTopic>(&*topic) : nullptr;
  const auto* own = topic ? std::get_if<DeviceTopic>(&*topic) : nullptr;
  if (in != nullptr && in->me.str() == spec_.user) {
    take_in(*in, received);
  } else if (own == nullptr || own->owner.user.str() != spec_.user ||
             own->owner.device.str() != spec_.device) {
    const std::lock_guard lock(mutex_);
    record_.foreign.push_back(received.topic);
  } else if (own->kind == DeviceKind::error) {
    take_error(received);
  }
  if (spec_.reading_time.count() > 0) eventually([] { return false; }, spec_.reading_time);
  eventually([this] { return Clock::now().time_since_epoch().count() >= blind_until_; });
}

void Chatter::take_in(const InTopic& topic, const Received& received) {
  if (topic.peer.str() != spec_.peer) return;  // another conversation of this user's
  const std::lock_guard lock(mutex_);
  if (topic.kind == InKind::message || topic.kind == InKind::sent) {
    take_envelope(received.json(), record_.live);
  } else if (topic.kind == InKind::receipt) {
    if (const auto receipt = parse_receipt_event(received.payload)) take_marks(*receipt, record_.marks);
  }
}

// Requests may find no store, and are asked again; push registrations no bridge, and are told after the next
// connect. Messages must always be taken, unless the test says so.
void Chatter::take_error(const Received& received) {
  const auto error = parse_error(received.payload);
  const bool unavailable = error && error->refusal.code == ErrorCode::unavailable;
  if (unavailable && (error->topic.ends_with("/req/sync") || error->topic.ends_with("/push"))) return;
  if (!unavailable || !bears_refusals()) return complain("error event " + received.payload);
  const std::lock_guard lock(mutex_);
  const auto index = error->id ? index_of(error->id->str()) : std::nullopt;
  if (!index) return;
  // The PUBACK that goes with it has been counted, or will be.
  if (spec_.version == MqttVersion::v3_1_1) {
    record_.published[*index].acknowledged = false;
    ++refused_[*index];
  }
  ++refusals_;
  if (spec_.one_at_a_time) {
    again_ = *index;
  } else {
    give_up(*index);
  }
}

void Chatter::take_envelope(const nlohmann::json& value, std::vector<Envelope>& into) {
  const auto envelope = envelope_from(value);
  if (!envelope) {
    complaints_.push_back("no envelope: " + value.dump());
    return;
  }
  const bool mine = envelope->from.str() == spec_.user;
  const std::string& me = (mine ? envelope->from : envelope->to).str();
  const std::string& peer = (mine ? envelope->to : envelope->from).str();
  if (me == spec_.user && peer != spec_.peer) return;  // another conversation of this user's
  if (mine) confirm(envelope->id.str());
  seen_.insert(envelope->seq);
  into.push_back(*envelope);
  changed_.notify_all();
}

void Chatter::take_marks(const Receipt& receipt, std::vector<MarksTold>& into) {
  into.push_back({receipt.by.str(), receipt.delivered, receipt.read});
  if (spec_.on_marks) spec_.on_marks(receipt);
}

void Chatter::confirm(const std::string& id) {
  const auto index = index_of(id);
  if (!index || waiting_.erase(*index) == 0) return;
  ++confirmed_;
  if (spec_.on_confirmed) spec_.on_confirmed(published_at_[*index]);
}

void Chatter::give_up(std::size_t index) {
  given_up_ += waiting_.erase(index);
  changed_.notify_all();
}

// Of a message of this device's; another device of the user chooses other ids.
std::optional<std::size_t> Chatter::index_of(const std::string& id) const {
  const std::string prefix = spec_.device + "-";
  std::size_t number = 0;
  if (!id.starts_with(prefix)) return std::nullopt;
  std::from_chars(id.data() + prefix.size(), id.data() + id.size(), number);
  if (number == 0 || number > record_.published.size()) return std::nullopt;
  return number - 1;
}

}  // namespace duet
