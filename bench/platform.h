// bench/platform.h: the two things that are measured: a running Duet, and a plain Mosquitto beside it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "acl/signing_key.h"
#include "bench/processes.h"
#include "bench/stop_signal.h"
#include "bench/swarm.h"

namespace duet {

// A Duet platform. Throws std::runtime_error with a sentence when it cannot be used.
class Platform {
 public:
  // The one that runs on `data` (scripts/run --data); it is left running.
  static Platform running(const std::filesystem::path& data);
  // One of its own below `scratch`, on free ports; ends with this object.
  enum class Limits : std::uint8_t { none, defaults };  // of rates
  enum class Push : bool { no, yes };  // whether a push bridge runs too, without registrations
  static Platform start(const std::filesystem::path& scratch, const StopSignal& stop,
                        Limits limits = Limits::none, Push push = Push::no);

  BrokerAddress address() const;
  BrokerAddress websocket_address() const;
  // Broker, store, push bridge and auth service, those of them that ready.json names now.
  std::vector<MeasuredProcess> processes() const;
  // Any process by its name there; nullopt while it is down.
  std::optional<MeasuredProcess> process(const std::string& name) const;
  const SigningKey& signing_key() const { return key_; }

 private:
  Platform(std::filesystem::path data, std::unique_ptr<ChildProcess> own);

  std::filesystem::path data_;
  std::unique_ptr<ChildProcess> own_;
  SigningKey key_;
};

// A Mosquitto with the settings of Duet's broker, without plugin and store: everybody may do everything.
class PlainRelay {
 public:
  PlainRelay(const std::filesystem::path& scratch, const StopSignal& stop);

  BrokerAddress address() const { return {"127.0.0.1", port_}; }
  std::vector<MeasuredProcess> processes() const { return {{"broker", process_.pid()}}; }

 private:
  std::uint16_t port_;
  ChildProcess process_;
};

}  // namespace duet
