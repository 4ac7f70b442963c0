// tests/support/browser.h: Chromium as one of a user's devices, with a page that subscribes to pushes and a
// service worker that shows them (tests/support/browser/, Node.js). Its own code does what is between the
// browser's push service, which is a double on loopback, and the service worker: it makes the subscription's
// keys, decrypts, and wakes the worker.
#pragma once

#include <cstddef>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/support/process.h"
#include "tests/support/push_double.h"

namespace duet {

// Used by one thread. Every member throws std::runtime_error, with the browser's log, when it is not there.
class Browser {
 public:
  // Subscribes with the key of the double's sender.
  explicit Browser(const PushDouble& providers);
  ~Browser();
  Browser(const Browser&) = delete;
  Browser& operator=(const Browser&) = delete;

  // The PushSubscription, {"endpoint", "keys": {"p256dh", "auth"}}: the endpoint is at Google.
  nlohmann::json subscription();

  // Its push service sends it what was posted for the subscription, in base64url.
  void deliver(const std::string& body);

  // Waits until the service worker was woken by `count` pushes that the browser could read. Returns what they
  // all said, and what the user is shown: {"understood": […], "notifications": [{"title", "body", "tag"},
  // …]}.
  nlohmann::json wait_pushes(std::size_t count);

 private:
  nlohmann::json next_line();

  TempDir dir_;
  std::unique_ptr<ChildProcess> process_;
  nlohmann::json subscription_;  // null until it was asked for
};

}  // namespace duet
