// What deploy/ installs for systemd, run as its units say: each service's command, as a user of its own where
// the test is root, on the shipped configuration. Only paths and ports are others.

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <map>
#include <sstream>

#include "file_io/secret_file.h"
#include "tests/support/auth_client.h"
#include "tests/support/platform_test.h"

namespace duet {
namespace {

namespace fs = std::filesystem;

constexpr uid_t kFirstUid = 61'840;  // nobody's

// The values of a key of a unit file, in order.
std::vector<std::string> unit_values(const std::string& unit, const std::string& key) {
  std::istringstream lines(text_of(source_dir() / "deploy" / "systemd" / unit));
  std::vector<std::string> values;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(key + "=")) values.push_back(line.substr(key.size() + 1));
  }
  return values;
}

class Deploy : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::permissions(root(), fs::perms(0755));  // each user finds what is its own
    const Finished installed =
        run_command({(source_dir() / "deploy" / "install").string(), "--root", root(), build_dir().string()});
    ASSERT_EQ(installed.status, 0) << installed.err;
    for (const auto& file : fs::directory_iterator(root() + "/etc/duet")) move_into_root(file.path());
    make_directories();
    run_as("duet-mint", "/usr/bin/duet-auth keygen --out /var/lib/duet-mint/signing.pem");
    run_here("/usr/bin/duet-auth jwks --key /var/lib/duet-mint/signing.pem --out /etc/duet/jwks.json");
    for (const auto& command : unit_values("duet-tokens.service", "ExecStart")) run_as("duet-mint", command);
    for (const char* name : {"duet-broker", "duet-store", "duet-auth", "duet-ws", "duet-keys"}) start(name);
    ASSERT_TRUE(eventually([&] { return is_up(); }));
  }
  void TearDown() override {
    for (auto service = services_.rbegin(); service != services_.rend(); ++service) {
      service->second->signal(SIGTERM);
      EXPECT_EQ(service->second->wait(), 0) << service->first;
    }
    if (!HasFailure()) return;
    for (const auto& [name, process] : services_) std::cerr << "---- " << name << " ----\n" << log_of(name);
  }

  std::string root() const { return dir_.path().string(); }
  std::string log_of(const std::string& service) const { return text_of(dir_.path() / (service + ".log")); }
  AuthClient auth() const { return AuthClient(http_port_, "duet"); }

  // In whose name it runs, if that can be.
  uid_t uid_of(const std::string& user) {
    if (::geteuid() != 0) return ::geteuid();
    return uids_.emplace(user, kFirstUid + static_cast<uid_t>(uids_.size())).first->second;
  }
  std::vector<std::string> as_user(const std::string& user, const std::string& command) {
    std::vector<std::string> argv{"sh", "-c", "umask 077; exec " + in_root(command)};
    if (::geteuid() == 0) {
      const std::string uid = std::to_string(uid_of(user));
      argv.insert(argv.begin(), {"setpriv", "--reuid", uid, "--regid", uid, "--clear-groups"});
    }
    return argv;
  }
  Finished try_as(const std::string& user, const std::string& command) {
    return run_command(as_user(user, command));
  }
  bool healthy(std::uint16_t port) const { return answers_ok(port, "/healthz"); }
  static bool answers_ok(std::uint16_t port, const std::string& path) {
    return AuthClient(port)
        .raw("GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .starts_with("HTTP/1.1 200 ");
  }
  // All work: the store is, once the broker has let it in.
  bool is_up() const {
    return fs::exists(root() + "/run/duet-store/ready") && healthy(http_port_) && healthy(ws_port_) &&
           !log_of("duet-keys").empty();
  }
  // A token of a new account, in a file for the `duet` command.
  std::string sign_in(const std::string& user) {
    EXPECT_EQ(auth().sign_up(user, "correct horse").status, 201);
    const auto file = root() + "/" + user + ".token";
    write_file_atomically(file, auth().log_in(user, "correct horse").text("access_token"), kSecretMode);
    return file;
  }
  Finished duet(const std::string& user, std::vector<std::string> words) {
    words.insert(
        words.begin(),
        {root() + "/usr/bin/duet", "--url", "mqtt://127.0.0.1:" + std::to_string(mqtt_port_), "--as", user,
         "--token-file", root() + "/" + user + ".token", "--state", root() + "/" + user + ".state"});
    return run_command(words);
  }

  const std::uint16_t mqtt_port_ = free_port();
  const std::uint16_t ws_port_ = free_port();
  const std::uint16_t http_port_ = free_port();
  // Of each service that has no other HTTP, by where its configuration has it.
  const std::map<std::string, std::uint16_t> health_ports_{{"127.0.0.1:8091", free_port()},
                                                           {"127.0.0.1:8092", free_port()},
                                                           {"127.0.0.1:8093", free_port()},
                                                           {"127.0.0.1:8094", free_port()}};

 private:
  // The absolute paths of an installation, below the root.
  std::string in_root(std::string text) const { return with_own_ports(in_root_only(std::move(text))); }
  std::string with_own_ports(std::string text) const {
    for (const auto& [place, port] : health_ports_) {
      const auto at = text.find(place);
      if (at != std::string::npos) text.replace(at + place.size() - 4, 4, std::to_string(port));
    }
    return text;
  }
  std::string in_root_only(std::string text) const {
    for (const std::string path :
         {"/usr/bin/duet", "/usr/lib/duet", "/etc/duet", "/var/lib/duet", "/run/duet"}) {
      for (auto at = text.find(path); at != std::string::npos;
           at = text.find(path, at + root().size() + path.size())) {
        text.insert(at, root());
      }
    }
    return text;
  }
  void move_into_root(const fs::path& file) {
    std::string text = in_root(text_of(file));
    const std::map<std::string, std::uint16_t> ports{{"listener 1883", mqtt_port_},
                                                     {"127.0.0.1:1883", mqtt_port_},
                                                     {"port = 8080", http_port_},
                                                     {"port = 8083", ws_port_}};
    for (const auto& [place, port] : ports) {
      const auto at = text.find(place);
      if (at != std::string::npos) text.replace(at + place.size() - 4, 4, std::to_string(port));
    }
    std::ofstream(file) << text;
  }
  void make_directory(const std::string& path, mode_t mode, uid_t owner, gid_t group) {
    fs::create_directories(root() + path);
    const bool owned = ::geteuid() != 0 || ::chown((root() + path).c_str(), owner, group) == 0;
    ASSERT_TRUE(owned) << path;
    ASSERT_EQ(::chmod((root() + path).c_str(), mode), 0);
  }
  // What systemd makes: StateDirectory and RuntimeDirectory of the units, and what tmpfiles.conf says.
  void make_directories() {
    for (const char* name :
         {"duet-broker", "duet-store", "duet-auth", "duet-ws", "duet-keys", "duet-push", "duet-tokens"}) {
      const std::string unit = std::string(name) + ".service";
      const uid_t user = uid_of(unit_values(unit, "User").at(0));
      for (const auto& value : unit_values(unit, "StateDirectory")) {
        const auto mode = std::stoul(unit_values(unit, "StateDirectoryMode").at(0), nullptr, 8);
        std::istringstream directories(value);
        for (std::string one; directories >> one;) {
          make_directory("/var/lib/" + one, static_cast<mode_t>(mode), user, user);
        }
      }
      for (const auto& one : unit_values(unit, "RuntimeDirectory"))
        make_directory("/run/" + one, 0755, user, user);
    }
    std::istringstream lines(text_of(source_dir() / "deploy" / "systemd" / "tmpfiles.conf"));
    for (std::string line; std::getline(lines, line);) {
      if (line.empty() || line[0] == '#') continue;
      std::istringstream words(line);
      std::string type, path, mode, owner, group;
      words >> type >> path >> mode >> owner >> group;
      ASSERT_EQ(type, "d");
      const auto id = [this](const std::string& name) { return name == "root" ? ::geteuid() : uid_of(name); };
      make_directory(path, static_cast<mode_t>(std::stoul(mode, nullptr, 8)), id(owner), id(group));
    }
  }
  void run_as(const std::string& user, const std::string& command) {
    const Finished finished = try_as(user, command);
    ASSERT_EQ(finished.status, 0) << command << ": " << finished.err;
  }
  void run_here(const std::string& command) {
    const Finished finished = run_command({"sh", "-c", in_root(command)});
    ASSERT_EQ(finished.status, 0) << command << ": " << finished.err;
  }
  void start(const std::string& name) {
    const std::string unit = name + ".service";
    const auto command = as_user(unit_values(unit, "User").at(0), unit_values(unit, "ExecStart").at(0));
    services_.emplace_back(name, std::make_unique<ChildProcess>(command, ChildProcess::Streams::to_log,
                                                                dir_.path() / (name + ".log")));
  }

  TempDir dir_;
  std::map<std::string, uid_t> uids_;
  std::vector<std::pair<std::string, std::unique_ptr<ChildProcess>>> services_;
};

TEST_F(Deploy, TheInstalledPlatformWorks) {
  sign_in("alice");
  sign_in("bob");
  EXPECT_TRUE(eventually([&] { return duet("alice", {"send", "bob", "hello"}).status == 0; }));
  const Finished history = duet("bob", {"history", "alice"});
  EXPECT_EQ(history.status, 0) << history.err;
  EXPECT_NE(history.out.find("hello"), std::string::npos) << history.out;
  EXPECT_EQ(log_of("duet-auth").find("error"), std::string::npos);
}

TEST_F(Deploy, EveryServiceSaysThatItIsReady) {
  for (const std::uint16_t port : {health_ports_.at("127.0.0.1:8091"), health_ports_.at("127.0.0.1:8093"),
                                   health_ports_.at("127.0.0.1:8094"), http_port_, ws_port_}) {
    EXPECT_TRUE(eventually([&] { return answers_ok(port, "/healthz/ready"); })) << port;
    EXPECT_TRUE(answers_ok(port, "/healthz/live")) << port;
  }
}

// Where the test is root. Where it is not, all users are one: then the files are still nobody else's.
TEST_F(Deploy, NoServiceReadsWhatIsAnothers) {
  const std::vector<std::pair<std::string, std::string>> secrets{
      {"duet-mint", "/var/lib/duet-mint/signing.pem"}, {"duet-auth", "/var/lib/duet-auth/auth.db"},
      {"duet-store", "/var/lib/duet-store/duet.db"},   {"duet-store", "/run/duet/tokens/store/token"},
      {"duet-auth", "/run/duet/tokens/auth/token"},    {"duet-push", "/run/duet/tokens/push/token"}};
  for (const auto& [owner, path] : secrets) {
    struct stat status {};
    ASSERT_EQ(::stat((root() + path).c_str(), &status), 0) << path;
    EXPECT_EQ(status.st_mode & 0037U, 0U) << path;
    EXPECT_EQ(try_as(owner, "cat " + path + " >/dev/null").status, 0) << path;
    if (::geteuid() != 0) continue;
    for (const char* other :
         {"duet-broker", "duet-store", "duet-auth", "duet-ws", "duet-keys", "duet-push"}) {
      if (other == owner) continue;
      EXPECT_NE(try_as(other, "cat " + path + " >/dev/null").status, 0) << other << " reads " << path;
    }
  }
  for (const char* path : {"/etc/duet/jwks.json", "/run/duet/auth-keys/jwks.json"}) {
    EXPECT_EQ(try_as("duet-broker", std::string("cat ") + path + " >/dev/null").status, 0) << path;
  }
}

}  // namespace
}  // namespace duet
