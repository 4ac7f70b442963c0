#include "push_bridge/push_serve.h"

#include <spdlog/spdlog.h>

#include <chrono>
#include <cstdlib>
#include <memory>

#include "mqtt_link/log.h"
#include "mqtt_link/token_rotation.h"
#include "push_bridge/bridge.h"
#include "push_bridge/http2_poster.h"
#include "push_bridge/push_config.h"
#include "push_bridge/push_link.h"
#include "service/health.h"
#include "service/health_server.h"
#include "service/ready_file.h"
#include "service/stop_signal.h"

namespace duet {

int serve_push(const std::filesystem::path& config_file) {
  const auto config = load_push_config(
      config_file, std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now()));
  StopSignal stop;  // before any thread
  start_log("push", config.log_level);
  PushDatabase database(config.database, PushDatabase::Access::owner);
  auto senders = make_senders(config, std::make_shared<StoredTokens>(database, PushDatabase::Access::owner));
  for (const auto& [name, sender] : senders) spdlog::info("pushes to {}", name);
  ReadyFile ready(config.ready_file);
  Health health;
  auto& work = health.add_state("not connected to the broker yet");
  auto& turns = health.add_loop("the bridge");
  health.add_check(
      [directory = config.database.parent_path().string()](auto) { return disk_trouble(directory); });
  TokenRotation token("push", config.broker.token_file);

  // First where things wait, then what fills it, then the thread that empties it.
  BridgeQueue queue(kMaxBridgeInputs);
  Http2Poster poster({.ca_file = config.ca_file});  // before there are other threads
  PushLink link(config.broker, queue, ready, work);
  Bridge bridge(
      database, queue, config.decision, std::move(senders),
      {.poster = poster,
       .ask_feed = [&link](const PushFeedAsk& ask) { link.ask(ask); },
       .ask_check = [&link](const PushCheck& check) { return link.ask(check); },
       .tell_devices = [&link](const PushDevices& devices) { link.tell(devices); },
       .every_second =
           [&] {
             turns.turned();
             token.check([&link](Link::Publish message) { return link.publish(std::move(message)); });
           },
       .working = [&link] { link.ready(); },
       .broken = [&stop] { stop.fail(); }});
  health.add_check([&queue](auto) -> std::optional<std::string> {
    return queue.full() ? std::optional<std::string>("the queue of the bridge is full") : std::nullopt;
  });
  health.add_check([&link](auto) { return link.trouble(); });
  const HealthServer health_server(config.health, [&health] { return health.report(); });
  link.start();
  bridge.start();

  const auto cause = stop.wait();
  spdlog::info("stopping");
  bridge.stop();
  return cause == StopSignal::Cause::asked ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace duet
