#include "tests/fault/push_crowd.h"

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <utility>

#include "protocol/payload.h"
#include "protocol/topic.h"
#include "push_bridge/push_database.h"
#include "tests/support/patience.h"

namespace duet {
namespace {

using nlohmann::json;

Device device_of(const WokenDevice& device) {
  return {*UserId::parse(device.user), *DeviceId::parse(device.device)};
}

std::string topic_of(const WokenDevice& device, DeviceKind kind) {
  return format_topic(DeviceTopic{device_of(device), kind, ""});
}

Publish registration_of(const WokenDevice& device) {
  return {
      .topic = topic_of(device, DeviceKind::push), .payload = device.registration.dump(), .correlation = {}};
}

}  // namespace

std::vector<Publish> WokenDevice::greetings() const {
  return {{.topic = topic_of(*this, DeviceKind::presence),
           .payload = format_presence(DeviceState::online),
           .retain = true,
           .correlation = {}},
          registration_of(*this)};
}

WokenDevice woken_device(std::string user, std::string device, PushProvider provider, PushDouble& providers) {
  static std::atomic<int> count{0};
  WokenDevice made{std::move(user), std::move(device), provider, {}, {}};
  json token;
  if (provider == PushProvider::webpush) {
    token = providers.subscribe();
    const std::string endpoint = token.at("endpoint");
    made.token = endpoint.substr(endpoint.rfind('/') + 1);
  } else {
    constexpr std::size_t kHexDigits = 64;
    const std::string number = std::to_string(++count);
    made.token = provider == PushProvider::apns ? std::string(kHexDigits - number.size(), '0') + number
                                                : "token-" + number;
    token = made.token;
  }
  made.registration = {{"platform", to_string(provider)}, {"token", token}};
  return made;
}

void register_and_leave(const TestPlatform& platform, const BridgeProcess& bridge,
                        const std::vector<WokenDevice>& devices) {
  const int before = bridge.registered();
  for (const auto& device : devices) {
    TestDevice made(platform, device.user, device.device);
    made.go_online();
    const int answer = made.mqtt().publish(registration_of(device));
    if (!accepted(answer))
      throw std::runtime_error("PUBACK " + std::to_string(answer) + " to a registration");
  }
  const int all = before + static_cast<int>(devices.size());
  if (!eventually([&] { return bridge.registered() == all; })) {
    throw std::runtime_error("the bridge has not taken every registration:\n" + bridge.log());
  }
}

std::size_t waiting_pushes(const BridgeProcess& bridge) {
  sqlite::Connection connection(bridge.database(), sqlite::Connection::Mode::read_only);
  sqlite::Statement count(connection, "count pushes", "SELECT count(*) FROM jobs WHERE slot <> ''");
  auto row = count.query();
  return row.next() ? row.number(0) : 0;
}

std::string conversation_tag(const BridgeProcess& bridge, const WokenDevice& device,
                             const std::string& peer) {
  const PushDatabase database(bridge.database(), PushDatabase::Access::reader);
  return database.conversation_tag(device_of(device), *UserId::parse(peer));
}

std::int64_t wall_ms() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

}  // namespace duet
