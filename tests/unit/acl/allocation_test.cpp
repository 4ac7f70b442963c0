// The decision is made for every message that is handed to a client; it must not allocate. This file replaces
// operator new for the whole test program to count.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "acl/access.h"

namespace {
std::atomic<std::size_t> allocation_count{0};
}  // namespace

// Not inlined: GCC 12 would see free() meet the memory of a new expression and warn.
[[gnu::noinline]] void* operator new(std::size_t size) {
  ++allocation_count;
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace duet {
namespace {

TEST(Decide, DoesNotAllocate) {
  const std::string user(UserId::kMaxBytes, 'u');
  const std::string device(DeviceId::kMaxBytes, 'd');
  const auto who = Principal::of_device(*parse_client_id(user + ":" + device), Timestamp());
  const auto store = Principal::of_service(Role::store, "", Timestamp());
  const std::string inbox = "u/" + user + "/in/" + user + "/msg";
  const std::string request = "u/" + user + "/d/" + device + "/req/" + device;
  const std::string filter = "u/" + user + "/in/+/#";
  const std::string foreign = "u/alice/in/" + user + "/msg";
  const std::string absurd(70000, '/');

  const std::size_t before = allocation_count;
  const bool allowed =
      decide(who, Access::receive, inbox).allowed() && decide(who, Access::publish, request).allowed() &&
      decide(who, Access::subscribe, filter).allowed() && decide(store, Access::receive, request).allowed();
  const bool denied = !decide(who, Access::receive, foreign).allowed() &&
                      !decide(who, Access::publish, absurd).allowed() &&
                      !decide(who, Access::subscribe, absurd).allowed();
  const std::size_t after = allocation_count;
  EXPECT_TRUE(allowed);
  EXPECT_TRUE(denied);
  EXPECT_EQ(after, before);
}

}  // namespace
}  // namespace duet
