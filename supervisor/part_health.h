// supervisor/part_health.h: how each kind of process is asked whether it is ready.
//
// These wait for at most a few seconds and throw nothing. Thread-safe.
#pragma once

#include "service/health.h"
#include "service/health_listen.h"
#include "supervisor/layout.h"
#include "supervisor/options.h"
#include "supervisor/platform_config.h"
#include "supervisor/platform_health.h"

namespace duet {

// Where a process of that name answers how it is: a unix socket in DIR/run. Nowhere when the path is too long
// for one (unix(7)); then only what can be seen from outside is known of it.
HealthListen health_of(const Layout& layout, const std::string& name);
// Where the platform as a whole does, unless health.listen says so.
HealthListen health_of_platform(const Layout& layout, const PlatformConfig& config);

// As a configuration file has it: "unix:/PATH" or "none".
std::string health_listen_text(const HealthListen& listen);

// Every process of the platform that can be asked. `tls`: the front door is one.
std::vector<AskedPart> asked_parts(const Layout& layout, const Ports& ports, const PlatformConfig& config,
                                   bool tls, bool push);

}  // namespace duet
