// store_service/publisher.h: where the parts of the store publish.
#pragma once

#include <functional>

#include "mqtt_link/link.h"

namespace duet {

// The connection to the broker, as the workers see it. Thread-safe.
class Publisher {
 public:
  virtual ~Publisher() = default;

  // As Link::publish.
  virtual PublishResult publish(Link::Publish message, std::function<void(bool)> on_done = {}) = 0;

  // Gives up the present connection for a new one, which begins with everything said anew.
  virtual void reconnect() = 0;
};

}  // namespace duet
