// The broker refuses the token of a command that follows.

#include <gmock/gmock.h>

#include "file_io/secret_file.h"
#include "tests/support/platform_test.h"

namespace duet {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

class CommandDisconnects : public OwnPlatformTest {};

// The file holds a token that has ended, and nobody renews it.
TEST_F(CommandDisconnects, ListenEndsWhenItsTokenIsRefusedForLong) {
  const TempDir dir;
  const auto file = dir.path() / "token";
  write_file_atomically(file, platform().tokens().chat("alice", -1h), kSecretMode);
  const Finished ended = run_command(
      {program("duet"), "--url", "mqtt://127.0.0.1:" + std::to_string(platform().mqtt_port()), "--token-file",
       file.string(), "--state", (dir.path() / "state").string(), "--as", "alice", "listen"});
  EXPECT_EQ(ended.status, 1);
  EXPECT_THAT(ended.err, HasSubstr("is refused (not authorized): log in again"));
}

}  // namespace
}  // namespace duet
