#include "push_bridge/push_serve.h"

#include <spdlog/spdlog.h>

#include <chrono>
#include <cstdlib>
#include <exception>
#include <memory>
#include <utility>
#include <variant>
#include <vector>

#include "mqtt_link/log.h"
#include "mqtt_link/token_rotation.h"
#include "push_bridge/bridge.h"
#include "push_bridge/http2_poster.h"
#include "push_bridge/push_config.h"
#include "push_bridge/push_link.h"
#include "service/disk_patience.h"
#include "service/health.h"
#include "service/health_server.h"
#include "service/ready_file.h"
#include "service/stop_signal.h"

namespace duet {
namespace {

using Cause = StopSignal::Cause;

// A bridge that lived for so long had started well.
constexpr std::chrono::seconds kSoundLife{10};

// Registrations that a bridge took and could not keep. They hold tokens: no log sees them.
using Unkept = std::vector<PushSaid>;

void add_unkept(BridgeQueue& queue, Unkept& unkept) {
  while (auto input = queue.pop_until({}, std::chrono::steady_clock::now())) {
    if (auto* said = std::get_if<PushSaid>(&*input)) unkept.push_back(std::move(*said));
  }
}

// Runs until somebody asks to stop: asked, or failed. Throws what ended the bridge, its connection included,
// so that registrations are refused visibly from then on; those that it had taken are then in `unkept`. What
// is in there at first is applied before all else.
Cause run_bridge(const PushConfig& config, StopSignal& stop, Unkept& unkept) {
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
  std::exception_ptr broken;  // written before stop is told

  // First where things wait, then what fills it, then the thread that empties it.
  BridgeQueue queue(kMaxBridgeInputs);
  Http2Poster poster({.ca_file = config.ca_file});
  PushLink link(config.broker, queue, ready, work);
  Bridge bridge(
      database, queue, config.decision, std::move(senders),
      {.poster = poster,
       .ask_feed = [&link](const PushFeedAsk& ask) { link.ask(ask); },
       .tell_users = [&link](const PushUsers& users) { link.tell(users); },
       .ask_check = [&link](const PushCheck& check) { return link.ask(check); },
       .tell_devices = [&link](const PushDevices& devices) { link.tell(devices); },
       .every_second =
           [&] {
             turns.turned();
             token.check([&link](Link::Publish message) { return link.publish(std::move(message)); });
           },
       .working = [&link] { link.ready(); },
       .broken =
           [&](std::exception_ptr error) {
             broken = std::move(error);
             stop.interrupt();
           }});
  health.add_check([&queue](auto) -> std::optional<std::string> {
    return queue.full() ? std::optional<std::string>("the queue of the bridge is full") : std::nullopt;
  });
  health.add_check([&link](auto) { return link.trouble(); });
  const HealthServer health_server(config.health, [&health] { return health.report(); });
  for (auto& said : std::exchange(unkept, {})) queue.push_beyond(std::move(said));
  link.start();
  bridge.start();

  const auto cause = stop.wait();
  if (cause != Cause::interrupted) spdlog::info("stopping");
  bridge.stop();
  if (cause != Cause::interrupted) return cause;
  link.stop();
  unkept = bridge.take_unkept();
  add_unkept(queue, unkept);
  std::rethrow_exception(broken);
}

}  // namespace

int serve_push(const std::filesystem::path& config_file) {
  const auto config = load_push_config(
      config_file, std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now()));
  StopSignal stop;  // before any thread
  start_log("push", config.log_level);
  DiskPatience patience(stop, config.database.parent_path());
  Unkept unkept;
  while (true) {
    const auto began = std::chrono::steady_clock::now();
    try {
      return run_bridge(config, stop, unkept) == Cause::asked ? EXIT_SUCCESS : EXIT_FAILURE;
    } catch (const std::exception& error) {
      if (!DiskPatience::passes(error)) throw;
      if (std::chrono::steady_clock::now() - began > kSoundLife) patience.succeeded();
      // It lives while it waits; the service manager would end it otherwise.
      Health waiting;
      waiting.add_state(error.what());
      const HealthServer health_server(config.health, [&waiting] { return waiting.report(); });
      if (!patience.wait(error.what())) return EXIT_SUCCESS;
    }
  }
}

}  // namespace duet
