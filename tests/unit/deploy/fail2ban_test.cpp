// deploy/fail2ban, judged by fail2ban's own tools on samples of the logs. What the platform really writes is
// tried in tests/e2e/door_log_test.cpp.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/support/places.h"
#include "tests/support/process.h"

namespace duet {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

const fs::path kShipped = source_dir() / "deploy" / "fail2ban";

// The addresses that the filter finds in these lines, one on a line, in order.
std::string found(const std::string& lines) {
  const TempDir dir;
  std::ofstream(dir.path() / "log") << lines;
  return run_command({"fail2ban-regex", "-l", "CRITICAL", "-o", "<ip> <time>", dir.path() / "log",
                      kShipped / "filter.d" / "duet.conf"})
      .out;
}

TEST(Fail2ban, FindsTheAddressAndTheTimeOfEachRefusal) {
  EXPECT_EQ(
      found("2026-12-01T04:00:40.931610+00:00 mqtts 192.0.2.1:55618 client=alice:phone connack=5 -- 0 ms\n"
            "2026-12-01T04:00:40.931610+00:00 mqtts 2001:db8::2:55618 client=? connack=135 -- 0 ms\n"
            "2026-12-01T06:00:41.931610+02:00 mqtts ::ffff:192.0.2.3:55618 client=? connack=2 -- 0 ms\n"
            "2026-12-01T04:00:42.931Z info ws: refused alice:tab from 192.0.2.4: the broker answered 134\n"
            "2026-12-01T04:00:43.931Z info auth: audit login_failed user=alice address=192.0.2.5 "
            "client=duet\n"
            "2026-12-01T04:00:44.931Z info auth: audit refresh_reused user=? address=192.0.2.6 client=-\n"),
      "192.0.2.1 1796097640\n2001:db8::2 1796097640\n192.0.2.3 1796097641\n192.0.2.4 1796097642\n"
      "192.0.2.5 1796097643\n192.0.2.6 1796097644\n");
}

TEST(Fail2ban, FindsNothingInTheLinesOfClientsThatComeIn) {
  EXPECT_EQ(
      found("2026-12-01T04:00:40.931610+00:00 mqtts 192.0.2.1:55618 client=alice:phone connack=0 -- 9 ms\n"
            "2026-12-01T04:00:40.931610+00:00 mqtts 192.0.2.1:55618 client=- connack=- PR 0 ms\n"
            "2026-12-01T04:00:40.931610+00:00 mqtts 192.0.2.1:55618 client=alice:phone connack=136 -- 0 ms\n"
            "2026-12-01T04:00:40.931610+00:00 https 192.0.2.1:55618 GET /connack=5 200 -- 0 ms\n"
            "2026-12-01T04:00:42.931Z info ws: alice:tab connected from 192.0.2.1\n"
            "2026-12-01T04:00:42.931Z info ws: refused alice:tab from 192.0.2.1: the broker gave no answer\n"
            "2026-12-01T04:00:43.931Z info auth: audit login_ok user=alice address=192.0.2.1 client=duet\n"
            "2026-12-01T04:00:43.931Z info auth: audit refresh_repeated user=alice address=192.0.2.1 "
            "client=duet\n"),
      "");
}

TEST(Fail2ban, TakesTheJailAsItIsShipped) {
  const TempDir dir;
  const fs::path config = dir.path() / "fail2ban";
  fs::copy("/etc/fail2ban", config, fs::copy_options::recursive);
  fs::remove_all(config / "jail.d");  // the distribution's own: sshd
  fs::create_directory(config / "jail.d");
  for (const char* name : {"proxy.log", "gateway.log", "auth.log"}) std::ofstream(dir.path() / name) << "";
  std::string jail = text_of(kShipped / "jail.d" / "duet.conf");
  for (auto at = jail.find("/srv/duet/log"); at != std::string::npos; at = jail.find("/srv/duet/log")) {
    jail.replace(at, std::string("/srv/duet/log").size(), dir.path().string());
  }
  std::ofstream(config / "jail.d" / "duet.conf") << jail;
  fs::copy(kShipped / "filter.d" / "duet.conf", config / "filter.d" / "duet.conf");
  const Finished finished = run_command({"fail2ban-client", "-c", config, "--dp"});
  EXPECT_EQ(finished.status, 0) << finished.err;
  EXPECT_THAT(finished.out,
              HasSubstr("['set', 'duet', 'addlogpath', '" + (dir.path() / "auth.log").string()));
  EXPECT_THAT(finished.out, HasSubstr("['set', 'duet', 'maxretry', 100]"));
}

}  // namespace
}  // namespace duet
