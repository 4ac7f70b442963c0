#include "file_io/crash_point.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace duet {
namespace {

static_assert(std::endian::native == std::endian::little, "the counter file is little-endian");

struct CrashCounter {
  std::uint64_t passes;
  std::uint64_t die_at;
  std::uint64_t victim;
};

struct ArmedCrash {
  std::size_t point = kCrashPoints.size();  // none
  CrashCounter* counter = nullptr;
};

[[noreturn]] void refuse_crash(const std::string& what) {
  std::fprintf(stderr, "duet: %s\n", what.c_str());
  std::abort();
}

CrashCounter* map_crash_counter(const char* file) {
  const int descriptor = ::open(file, O_RDWR | O_CLOEXEC);
  if (descriptor < 0) refuse_crash(std::string("DUET_CRASH_COUNTER: cannot open ") + file);
  if (::lseek(descriptor, 0, SEEK_END) < static_cast<off_t>(sizeof(CrashCounter))) {
    refuse_crash(std::string("DUET_CRASH_COUNTER: too short: ") + file);  // a use of it would be SIGBUS
  }
  void* mapped = ::mmap(nullptr, sizeof(CrashCounter), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  ::close(descriptor);
  if (mapped == MAP_FAILED) refuse_crash(std::string("DUET_CRASH_COUNTER: cannot map ") + file);
  return static_cast<CrashCounter*>(mapped);
}

ArmedCrash read_armed_crash() {
  static CrashCounter own{0, 1, 0};
  const char* value = std::getenv("DUET_CRASH_AT");
  if (value == nullptr) return {};
  const std::string_view text(value);
  const auto colon = std::min(text.find(':'), text.size());
  const auto name = text.substr(0, colon);
  const auto* place = std::ranges::find(kCrashPoints, name, &CrashPoint::name);
  if (place == kCrashPoints.end())
    refuse_crash("DUET_CRASH_AT: no crash point is named " + std::string(name));
  if (colon < text.size()) {
    const auto* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data() + colon + 1, end, own.die_at);
    if (error != std::errc() || stop != end) refuse_crash("DUET_CRASH_AT: no number: " + std::string(text));
  }
  const char* file = std::getenv("DUET_CRASH_COUNTER");
  return {static_cast<std::size_t>(place - kCrashPoints.begin()),
          file == nullptr ? &own : map_crash_counter(file)};
}

}  // namespace

bool crash_point_due(std::size_t point) noexcept {
  static const ArmedCrash armed = read_armed_crash();
  if (armed.point != point) return false;
  const auto pass = std::atomic_ref(armed.counter->passes).fetch_add(1) + 1;
  if (pass != std::atomic_ref(armed.counter->die_at).load()) return false;
  std::atomic_ref(armed.counter->victim).store(static_cast<std::uint64_t>(::getpid()));
  return true;
}

void crash_now() noexcept {
  ::kill(::getpid(), SIGKILL);
  for (;;) ::pause();  // the signal may take another thread a moment
}

}  // namespace duet
