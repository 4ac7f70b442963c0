// duet-run, which scripts/run starts, as operators use it.

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <ctime>
#include <fstream>

#include "service/version.h"
#include "tests/support/platform_test.h"
#include "tests/support/raw_mqtt.h"

namespace duet {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

namespace fs = std::filesystem;

// A directory and free ports, and nothing started yet.
class Run : public ::testing::Test {
 protected:
  ~Run() override {
    for (const pid_t left : processes_naming(dir_.path())) {
      ADD_FAILURE() << "left running: " << text_of("/proc/" + std::to_string(left) + "/cmdline");
      ::kill(left, SIGKILL);
    }
  }

  fs::path data() const { return dir_.path() / "data"; }
  fs::path file(const std::string& name, const std::string& text) const {
    std::ofstream(dir_.path() / name) << text;
    return dir_.path() / name;
  }

  std::vector<std::string> command(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> argv{program("duet-run"), "--data", data().string(), "--mqtt-port", mqtt_port_,
                                  "--ws-port",         ws_port_, "--http-port",   http_port_};
    argv.insert(argv.end(), more.begin(), more.end());
    return argv;
  }
  Finished run(const std::vector<std::string>& more) const { return run_command(command(more)); }
  Finished stop() const { return run_command({program("duet-run"), "--data", data().string(), "--stop"}); }
  json ready() const { return json::parse(text_of(data() / "ready.json"), nullptr, false); }

  // One clear line on stderr that names `what`, exit status 1, and nothing left behind.
  static void expect_refusal(const Finished& finished, const std::string& what) {
    EXPECT_EQ(finished.status, 1);
    EXPECT_THAT(finished.err, HasSubstr(what));
    EXPECT_EQ(std::count(finished.err.begin(), finished.err.end(), '\n'), 1) << finished.err;
    EXPECT_THAT(finished.out, IsEmpty());
  }

  const TempDir dir_;
  const std::string mqtt_port_ = std::to_string(free_port());
  const std::string ws_port_ = std::to_string(free_port());
  const std::string http_port_ = std::to_string(free_port());
};

TEST_F(Run, EveryProgramTellsItsVersion) {
  for (const std::string name : {"duet", "duet-run", "duet-store", "duet-auth", "duet-ws", "duet-push",
                                 "duet-keys", "duet-privacy-kit", "duet-bench"}) {
    if (!fs::exists(program(name))) continue;  // a build with a sanitizer has no benchmark
    const Finished finished = run_command({program(name), "--version"});
    EXPECT_EQ(finished.status, 0) << name << finished.err;
    EXPECT_EQ(finished.out, version_text(name) + "\n");
  }
}

// Logs are rotated by renaming them and sending SIGHUP, as logrotate does it for most services.
TEST_F(Run, GoesOnAfterSighupAndWritesLogsUnderTheirNames) {
  TestPlatform platform;
  const fs::path logs = platform.data_dir() / "log";
  const auto broker = platform.pid(Service::broker);
  for (const std::string name : {"broker", "store", "supervisor"}) {
    fs::rename(logs / (name + ".log"), logs / (name + ".log.old"));
  }
  ::kill(platform.supervisor_pid(), SIGHUP);
  EXPECT_TRUE(eventually([&] { return fs::exists(logs / "broker.log") && fs::exists(logs / "store.log"); }));
  EXPECT_THAT(text_of(logs / "broker.log.old"), HasSubstr("mosquitto"));
  TestDevice(platform, "alice").go_online();
  EXPECT_TRUE(eventually([&] { return text_of(logs / "broker.log").find("alice:") != std::string::npos; }))
      << text_of(logs / "broker.log");
  platform.kill_and_await({Service::store});
  EXPECT_TRUE(eventually([&] {
    return text_of(logs / "supervisor.log").find("store was killed") != std::string::npos;
  })) << text_of(logs / "supervisor.log");
  EXPECT_EQ(platform.pid(Service::broker), broker);
}

// Mosquitto writes local time, which the environment must not make another than UTC.
TEST_F(Run, AllLogsAreInUtc) {
  TestPlatform platform(PlatformSpec{.environment = {{"TZ", "Asia/Kolkata"}}});
  const auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  std::array<char, 16> day_and_hour{};
  std::strftime(day_and_hour.data(), day_and_hour.size(), "%Y-%m-%dT%H:", &parts);
  // The hour may end between the start and this.
  const auto before = now - 3600;
  ::gmtime_r(&before, &parts);
  std::array<char, 16> hour_before{};
  std::strftime(hour_before.data(), hour_before.size(), "%Y-%m-%dT%H:", &parts);
  for (const std::string name : {"broker", "store"}) {
    // Before it has read its configuration the broker writes the seconds since 1970.
    const std::string whole = platform.log_of(name);
    const std::string log = whole.substr(whole.find("\n20") + 1);
    EXPECT_TRUE(log.starts_with(day_and_hour.data()) || log.starts_with(hour_before.data())) << log;
    EXPECT_THAT(log.substr(0, log.find(' ')), ::testing::ContainsRegex("Z:?$")) << log;
  }
}

TEST_F(Run, APortInUseIsNamed) {
  const TestPlatform other;
  for (const std::size_t option : {4U, 6U}) {  // --mqtt-port, --ws-port
    auto argv = command({"--no-demo"});
    argv[option] = std::to_string(other.mqtt_port());
    const Finished finished = run_command(argv);
    expect_refusal(finished, argv[option]);
    EXPECT_THAT(finished.err, HasSubstr("in use"));
  }
}

TEST_F(Run, ADirectoryInUseIsNamed) {
  const TestPlatform other;
  auto argv = command({"--no-demo"});
  argv[2] = other.data_dir().string();
  expect_refusal(run_command(argv), other.data_dir().string());
  EXPECT_TRUE(process_runs(other.pid(Service::broker)));
  EXPECT_TRUE(other.ready());
}

TEST_F(Run, AConfigurationThatIsWrongIsNamed) {
  const struct {
    std::string text;
    std::string named;
  } all[] = {
      {"[limits]\nmesages_per_second = 1\n", "mesages_per_second"},
      {"[limts]\nburst = 1\n", "limts"},
      {"burst = 1\n", "burst"},
      {"[limits]\nburst = \"many\"\n", "burst"},
      {"[limits]\nburst = -1\n", "burst"},
      {"[limits\n", "config.toml"},
      {"[journal]\nsync = \"sometimes\"\n", "sync"},
  };
  for (const auto& wrong : all) {
    const fs::path config = file("config.toml", wrong.text);
    const Finished finished = run({"--no-demo", "--config", config.string()});
    expect_refusal(finished, wrong.named);
    EXPECT_THAT(finished.err, HasSubstr("config.toml"));
  }
  expect_refusal(run({"--no-demo", "--config", (dir_.path() / "absent.toml").string()}), "absent.toml");
  EXPECT_EQ(run({"--mqtt-port", "70000"}).status, 1);
  EXPECT_EQ(run({"--frobnicate"}).status, 1);
}

TEST_F(Run, ADamagedFileIsNamed) {
  fs::create_directories(data() / "store");
  file("data/store/duet.db", std::string(8192, 'x'));
  const Finished finished = run({"--no-demo"});
  EXPECT_EQ(finished.status, 1);
  EXPECT_THAT(finished.err, HasSubstr("duet.db"));
}

TEST_F(Run, DetachesAndStops) {
  const Finished started = run({"--no-demo", "--detach"});
  ASSERT_EQ(started.status, 0) << started.err;
  const json said = ready();
  EXPECT_EQ(said.at("mqtt"), "mqtt://127.0.0.1:" + mqtt_port_);
  EXPECT_EQ(said.at("ws"), "ws://127.0.0.1:" + ws_port_ + "/mqtt");
  EXPECT_TRUE(process_runs(said.at("supervisor").get<pid_t>()));
  for (const auto& [name, pid] : said.at("pids").items()) EXPECT_TRUE(process_runs(pid.get<pid_t>())) << name;

  // Clients can connect now; with another program than ours.
  const Finished token = run_command({program("duet-auth"), "--help"});
  EXPECT_EQ(token.status, 0);
  TestClient client({.port = static_cast<std::uint16_t>(std::stoi(mqtt_port_)),
                     .client_id = "alice:phone",
                     .username = "alice",
                     .password = TokenMint(data()).chat("alice"),
                     .will = {}});
  EXPECT_EQ(client.connect(), kSuccess);

  const Finished stopped = stop();
  EXPECT_EQ(stopped.status, 0) << stopped.err;
  EXPECT_TRUE(client.wait_disconnected());
  EXPECT_FALSE(fs::exists(data() / "ready.json"));
  for (const auto& [name, pid] : said.at("pids").items())
    EXPECT_FALSE(process_runs(pid.get<pid_t>())) << name;
  EXPECT_EQ(stop().status, 0) << "nothing to stop is no error";
}

TEST_F(Run, EndsCleanlyOnSignals) {
  for (const int signal : {SIGINT, SIGTERM}) {
    ChildProcess supervisor(command({"--no-demo"}), ChildProcess::Streams::to_log, dir_.path() / "log");
    ASSERT_TRUE(eventually([&] { return fs::exists(data() / "ready.json") || supervisor.exit_status(); }))
        << text_of(dir_.path() / "log");
    const json said = ready();
    supervisor.signal(signal);
    EXPECT_EQ(supervisor.wait(), 0);
    for (const auto& [name, pid] : said.at("pids").items())
      EXPECT_FALSE(process_runs(pid.get<pid_t>())) << name;
    EXPECT_FALSE(fs::exists(data() / "ready.json"));
  }
}

TEST_F(Run, SecretsAreNobodyElses) {
  ASSERT_EQ(run({"--no-demo", "--detach"}).status, 0);
  EXPECT_EQ(stop().status, 0);
  for (const fs::path& path : {data(), data() / "secrets", data() / "secrets" / "signing.pem",
                               data() / "secrets" / "store.token", data() / "store" / "duet.db"}) {
    struct stat status {};
    ASSERT_EQ(::stat(path.c_str(), &status), 0) << path;
    EXPECT_EQ(status.st_mode & 077, 0U) << path;
  }
  for (const auto& log : fs::directory_iterator(data() / "log")) {
    EXPECT_EQ(text_of(log.path()).find("eyJ"), std::string::npos) << "a token in " << log.path();
  }
}

// Where the broker cannot have a unix socket for the gateway: Mosquitto would cut its path at the space.
TEST_F(Run, ADirectoryWithASpaceWillDo) {
  auto argv = command({"--no-demo", "--detach"});
  argv[2] = (dir_.path() / "my data").string();
  const Finished started = run_command(argv);
  ASSERT_EQ(started.status, 0) << started.err;
  EXPECT_THAT(started.out + started.err, HasSubstr("by TCP"));
  // The gateway answers with 101 when it has a connection to the broker.
  const RawMqtt browser(static_cast<std::uint16_t>(std::stoi(ws_port_)));
  browser.send(
      "GET /mqtt HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Protocol: mqtt\r\n\r\n");
  EXPECT_EQ(browser.receive(12), "HTTP/1.1 101");
  EXPECT_EQ(run_command({program("duet-run"), "--data", argv[2], "--stop"}).status, 0);
}

class RunningPlatform : public OwnPlatformTest {};

TEST_F(RunningPlatform, AProcessThatDiesIsReplacedAndReadyJsonSaysSo) {
  auto alice = online("alice");
  for (const Service service : {Service::store, Service::broker, Service::gateway, Service::auth}) {
    const pid_t before = platform().pid(service);
    platform().kill_and_await({service});
    EXPECT_NE(platform().pid(service), before);
    EXPECT_EQ(platform().ready()->at("supervisor"), platform().supervisor_pid());
  }
  alice->go_online();
  alice->await_store();
  alice->send("bob", "hello");
}

TEST_F(RunningPlatform, ItsStateIsInItsDirectoryAlone) {
  auto alice = online("alice");
  auto bob = online("bob");
  alice->send("bob", "before the move", "m1");
  bob->result("block", {{"with", "carol"}});
  bob->receipt("alice", "read", 1);
  alice->wait_receipt("bob", "bob", 1, 1);
  const std::string cursor = alice->sync().cursor;
  const std::string token = platform().tokens().chat("alice");
  alice->go_offline();
  bob->go_offline();
  // What is journaled and not yet stored moves as well.
  TestDevice late(platform(), "alice");
  late.go_online();
  platform().kill(Service::store, SIGSTOP);
  EXPECT_TRUE(accepted(late.publish_message("bob", "in the journal", "m2")));
  late.go_offline();
  platform().crash();

  TestPlatform moved(platform().data_dir(), {"."});
  TestDevice phone(moved, "alice");
  phone.spec().password = token;  // the key has moved too
  phone.go_online();
  phone.send("bob", "after the move", "m3");
  const auto history = phone.history("bob");
  ASSERT_EQ(history.size(), 3U);
  EXPECT_EQ(history[0].id.str(), "m1");
  EXPECT_EQ(history[1].id.str(), "m2");
  EXPECT_EQ(phone.sync(cursor).changes.size(), 2U);
  const json marks = phone.result("conversations").at("conversations").at(0).at("theirs");
  EXPECT_EQ(marks.at("read"), 1);
  TestDevice tablet(moved, "bob");
  tablet.go_online();
  EXPECT_EQ(tablet.result("blocks").at("users"), json::array({"carol"}));
  platform().start();  // for its own, clean end
}

}  // namespace
}  // namespace duet
