#include "supervisor/part_health.h"

#include <sys/un.h>

#include <chrono>
#include <utility>

#include "service/ask.h"
#include "supervisor/front_door.h"

namespace duet {
namespace {

// Longer than a busy machine keeps an idle process waiting.
constexpr std::chrono::seconds kAnswerWithin{3};

HealthListen health_on(std::uint16_t port) {
  return HealthPort{IpAddress::parse("127.0.0.1").value(), port};
}

HealthReport report_from(const HealthListen& where) {
  if (std::holds_alternative<std::monostate>(where)) return {};
  auto report = ask_health(where, kAnswerWithin);
  if (report) return *std::move(report);
  return {.live = false, .ready = false, .reasons = {"it does not say how it is: " + report.error()}};
}

// The broker's loop is asked by MQTT, and its plugin what that cannot tell: whether a store is attached, and
// whether the journal can be written.
HealthReport report_from_broker(const HealthListen& where, std::uint16_t port) {
  if (const auto trouble = ping_broker(health_on(port), kAnswerWithin)) {
    return {.live = false, .ready = false, .reasons = {"it does not answer by MQTT: " + *trouble}};
  }
  return report_from(where);
}

HealthReport report_from_proxy(const Layout& layout) {
  if (is_alive(layout)) return {};
  return {.live = false, .ready = false, .reasons = {"it does not answer"}};
}

}  // namespace

HealthListen health_of(const Layout& layout, const std::string& name) {
  auto path = layout.health(name);
  if (path.string().size() >= sizeof(sockaddr_un::sun_path)) return {};
  return path;
}

HealthListen health_of_platform(const Layout& layout, const PlatformConfig& config) {
  return config.health_listen ? *config.health_listen : health_of(layout, "platform");
}

std::string health_listen_text(const HealthListen& listen) {
  const auto* path = std::get_if<std::filesystem::path>(&listen);
  return path != nullptr ? "unix:" + path->string() : "none";
}

std::vector<AskedPart> asked_parts(const Layout& layout, const Ports& ports, const PlatformConfig& config,
                                   bool tls, bool push) {
  std::vector<AskedPart> parts;
  const auto add = [&parts](const std::string& name, const HealthListen& where) {
    parts.push_back({.name = name, .ask = [where] { return report_from(where); }});
  };
  parts.push_back({.name = "broker", .ask = [where = health_of(layout, "broker"), port = ports.mqtt] {
                     return report_from_broker(where, port);
                   }});
  add("store", health_of(layout, "store"));
  add("gateway", health_on(ports.websocket));
  if (config.auth.enabled) add("auth", health_on(ports.http));
  if (!config.tokens.issuers_file.empty()) add("keys", health_of(layout, "keys"));
  if (push) add("push", health_of(layout, "push"));
  if (tls) parts.push_back({.name = "proxy", .ask = [layout] { return report_from_proxy(layout); }});
  return parts;
}

}  // namespace duet
