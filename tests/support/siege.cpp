#include "tests/support/siege.h"

#include <gmock/gmock.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <exception>
#include <iomanip>
#include <iostream>
#include <sstream>
#include <stop_token>
#include <thread>
#include <vector>

#include "tests/support/environment.h"
#include "tests/support/test_platform.h"

namespace duet {
namespace {

std::size_t anonymous_bytes_of(pid_t pid) {
  std::istringstream status(text_of("/proc/" + std::to_string(pid) + "/status"));
  for (std::string name; status >> name;) {
    std::size_t kib = 0;
    if (name == "RssAnon:" && status >> kib) return kib * 1024;
  }
  throw std::runtime_error("no such process: " + std::to_string(pid));
}

std::size_t memory_in_use(const TestPlatform& platform) {
  std::size_t bytes = 0;
  for (const Service service :
       {Service::broker, Service::store, Service::gateway, Service::auth, Service::proxy}) {
    if (const pid_t pid = platform.pid(service); pid > 0) bytes += anonymous_bytes_of(pid);
  }
  return bytes;
}

void compare(const std::vector<Bystanders::Duration>& calm,
             const std::vector<Bystanders::Duration>& besieged) {
  const auto ms = [](Bystanders::Duration d) { return std::chrono::duration<double, std::milli>(d).count(); };
  for (const int percent : {50, 99}) {
    const double before = ms(percentile(calm, percent));
    const double now = ms(percentile(besieged, percent));
    std::cout << std::fixed << std::setprecision(2) << "p" << percent << ": calm " << before
              << " ms, besieged " << now << " ms, ratio " << now / before << '\n';
    if (percent == 99 && siege_messages() != 0) {
      EXPECT_LE(now, 2 * before);
    }
  }
}

// The attackers' thread: `attack` until it is stopped.
void attack_until(const std::stop_token& stop, const std::function<void()>& attack) {
  constexpr int kIdle = 19;
  if (siege_messages() != 0) setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), kIdle);
  try {
    while (!stop.stop_requested()) attack();
  } catch (const std::exception& error) {
    ADD_FAILURE() << "the attack ended: " << error.what();
  }
}

}  // namespace

std::size_t siege_messages() {
  const char* const text = std::getenv("DUET_SIEGE_MESSAGES");
  return text == nullptr ? 0 : std::stoul(text);
}

void besiege(const TestPlatform& platform, const SiegeSpec& spec, const std::function<void()>& attack) {
  constexpr std::size_t kShort = 60;
  const std::size_t messages = siege_messages() == 0 ? kShort : siege_messages();
  Bystanders bystanders(platform, spec.bystanders, spec.entrance);
  const auto said_enough = [&] { return bystanders.confirmed() >= messages; };
  ASSERT_TRUE(eventually(said_enough));
  const auto calm = bystanders.take();
  const std::size_t memory = memory_in_use(platform);
  {
    const std::jthread attackers([&](const std::stop_token& stop) {
      attack_until(stop, [&] {
        attack();
        const std::size_t said = bystanders.confirmed();
        if (spec.pace != SiegeSpec::Pace::slow) return;
        eventually([&] { return stop.stop_requested() || bystanders.confirmed() > said; });
      });
    });
    EXPECT_TRUE(eventually(said_enough));
  }
  const auto besieged = bystanders.take();
  if (!memory_is_inflated()) {
    EXPECT_LE(memory_in_use(platform), memory + spec.memory_at_most);
  }
  const auto judgement = bystanders.finish();
  EXPECT_THAT(judgement.violations, ::testing::IsEmpty());
  EXPECT_THAT(judgement.complaints, ::testing::IsEmpty());
  compare(calm, besieged);
}

}  // namespace duet
