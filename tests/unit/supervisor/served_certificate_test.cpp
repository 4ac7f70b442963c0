// The certificate that is served, with a real HAProxy.
#include "supervisor/served_certificate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <csignal>
#include <fstream>
#include <map>
#include <thread>

#include "supervisor/process.h"
#include "supervisor/unix_socket.h"
#include "tests/unit/supervisor/text_file.h"
#include "tests/unit/temporary_directory.h"

namespace duet {
namespace {

using std::chrono::hours;
using testing::HasSubstr;
using testing::Not;

const Timestamp kDayOfCheck{hours(24) * 20'000};
constexpr hours kOneDay{24};
constexpr int kLooks = 3000;
constexpr std::chrono::milliseconds kBetweenLooks{20};

// What an operator puts into the file.
struct State {
  std::string name;
  std::string text;
  std::string problem;  // a part of what the operator is told
};

class ServedCertificateTest : public testing::Test {
 protected:
  ServedCertificateTest() { layout_.prepare(); }
  ~ServedCertificateTest() override { stop_proxy(); }

  Certificate issue(Timestamp from = kDayOfCheck - kOneDay,
                    Timestamp until = kDayOfCheck + 90 * kOneDay) const {
    return issue_certificate({.common_name = "chat.example.com",
                              .use = CertificateSpec::Use::server,
                              .names = {"chat.example.com"},
                              .from = from,
                              .until = until},
                             authority_);
  }
  static std::string file_text(const Certificate& certificate) {
    return certificate.key_pem + certificate.pem;
  }
  std::string good() const { return file_text(issue()); }

  std::vector<State> bad_states() const {
    const Certificate one = issue();
    const std::string key = issue().key_pem;
    const std::string whole = file_text(one);
    return {{"empty", "", "has no certificate"},
            {"garbage", "this is no certificate\n", "has no certificate"},
            {"no key", one.pem, "has no private key"},
            {"no certificate", one.key_pem, "has no certificate"},
            {"the key of another", key + one.pem, "does not belong"},
            {"the certificate of another first", one.key_pem + issue().pem + one.pem, "does not belong"},
            {"half a key", one.key_pem.substr(0, 120) + "\n" + one.pem, "that can be read"},
            {"cut in the certificate", whole.substr(0, whole.size() - 100), "has no certificate"},
            {"ended", file_text(issue(kDayOfCheck - 9 * kOneDay, kDayOfCheck - kOneDay)), "ended on"},
            {"not good yet", file_text(issue(kDayOfCheck + kOneDay, kDayOfCheck + 9 * kOneDay)),
             "not good before"}};
  }

  void put(const std::string& text) const {
    std::ofstream out(file_, std::ios::binary | std::ios::trunc);
    out << text;
  }

  ServedCertificate open(Timestamp now = kDayOfCheck) const {
    PlatformConfig::Tls rules;
    rules.certificate = file_;
    return ServedCertificate(layout_, rules, now);
  }

  // What the operator would read in the report; empty when the file was taken.
  static std::string refresh(ServedCertificate& served, Timestamp now = kDayOfCheck) {
    try {
      served.refresh(now);
    } catch (const std::runtime_error& error) {
      EXPECT_EQ(served.problem(), error.what());
      return error.what();
    }
    EXPECT_EQ(served.problem(), "");
    return {};
  }

  void start_proxy(ServedCertificate& served) {
    const auto config = directory_.path() / "haproxy.cfg";
    std::ofstream(config) << "global\n  stats socket " << layout_.admin_socket().string()
                          << " mode 600 level admin\ndefaults\n  timeout connect 5s\n  timeout client 5s\n"
                             "  timeout server 5s\nfrontend door\n  mode tcp\n  bind unix@"
                          << door().string() << " ssl crt " << served.copy().string() << "\n";
    const auto program = find_program("haproxy");
    ASSERT_TRUE(program);
    served.proxy_starts();
    proxy_ = std::make_unique<Process>(ProcessSpec{.name = "proxy",
                                                   .command = {*program, "-db", "-f", config},
                                                   .environment = {},
                                                   .log_file = directory_.path() / "proxy.log",
                                                   .open_files = std::nullopt,
                                                   .inherited_fd = 0});
    ASSERT_TRUE(proxy_->start());
    ASSERT_TRUE(eventually([&] { return ask_unix_socket(layout_.admin_socket(), "show version\n"); }))
        << read_text(directory_.path() / "proxy.log");
  }
  void stop_proxy() { proxy_.reset(); }

  // Whether a client that connects now is shown the certificate in `text`.
  bool shows(const std::string& text) const {
    const std::string command =
        "openssl s_client -unix " + door().string() + " </dev/null 2>/dev/null | openssl x509 2>/dev/null";
    std::string shown;
    FILE* const output = ::popen(command.c_str(), "r");
    for (int c = std::fgetc(output); c != EOF; c = std::fgetc(output)) shown += static_cast<char>(c);
    ::pclose(output);
    return !shown.empty() && text.find(shown) != std::string::npos;
  }

  template <typename Condition>
  static bool eventually(Condition condition) {
    for (int i = 0; i < kLooks; ++i) {
      if (condition()) return true;
      std::this_thread::sleep_for(kBetweenLooks);
    }
    return false;
  }

  std::filesystem::path door() const { return directory_.path() / "door.sock"; }

  TemporaryDirectory directory_;
  Layout layout_{directory_.path() / "data"};
  std::filesystem::path file_ = directory_.path() / "chat.pem";
  Certificate authority_ = make_authority("test", kDayOfCheck - kOneDay, kDayOfCheck + 900 * kOneDay);
  std::unique_ptr<Process> proxy_;
};

TEST_F(ServedCertificateTest, TakesAGoodFileAfterEachBadOne) {
  std::string serving = good();
  put(serving);
  auto served = open();
  start_proxy(served);
  EXPECT_TRUE(shows(serving));
  for (const auto& bad : bad_states()) {
    put(bad.text);
    EXPECT_THAT(refresh(served), HasSubstr(bad.problem)) << bad.name;
    EXPECT_TRUE(shows(serving)) << bad.name;
    serving = good();
    put(serving);
    EXPECT_EQ(refresh(served), "") << bad.name;
    EXPECT_TRUE(shows(serving)) << bad.name;
  }
}

TEST_F(ServedCertificateTest, TakesAGoodFileAfterAllBadOnesInARow) {
  const std::string first = good();
  put(first);
  auto served = open();
  start_proxy(served);
  for (const auto& one : bad_states()) {
    for (const auto& other : bad_states()) {
      put(one.text);
      EXPECT_NE(refresh(served), "") << one.name;
      put(other.text);
      EXPECT_NE(refresh(served), "") << other.name << " after " << one.name;
    }
  }
  std::filesystem::remove(file_);
  EXPECT_THAT(refresh(served), HasSubstr("chat.pem"));
  EXPECT_TRUE(shows(first));
  const std::string second = good();
  put(second);
  EXPECT_EQ(refresh(served), "");
  EXPECT_TRUE(shows(second));
}

// A person at HAProxy's socket may leave a transaction open, or an earlier release of Duet may have.
TEST_F(ServedCertificateTest, IsNotStoppedByATransactionThatSomebodyLeftOpen) {
  put(good());
  auto served = open();
  start_proxy(served);
  const std::string name = served.copy().string();
  const auto answer =
      ask_unix_socket(layout_.admin_socket(), "set ssl cert " + name + " <<\n" + issue().pem + "\n");
  ASSERT_TRUE(answer);
  ASSERT_THAT(*answer, HasSubstr("Transaction created"));
  const std::string next = good();
  put(next);
  EXPECT_EQ(refresh(served), "");
  EXPECT_TRUE(shows(next));
}

TEST_F(ServedCertificateTest, TheProxyStartsWithTheLastGoodFile) {
  const std::string serving = good();
  put(serving);
  auto served = open();
  start_proxy(served);
  put("garbage");
  EXPECT_NE(refresh(served), "");
  stop_proxy();
  start_proxy(served);
  EXPECT_TRUE(shows(serving));

  stop_proxy();  // and so does a whole platform
  auto again = open();
  EXPECT_THAT(again.problem(), HasSubstr("has no certificate"));
  start_proxy(again);
  EXPECT_TRUE(shows(serving));
  const std::string next = good();
  put(next);
  EXPECT_EQ(refresh(again), "");
  EXPECT_TRUE(shows(next));
}

TEST_F(ServedCertificateTest, WithoutAnEarlierGoodFileTheStartFailsAndSaysWhy) {
  for (const auto& bad : bad_states()) {
    if (bad.name == "ended" || bad.name == "not good yet") continue;  // clients judge these for themselves
    put(bad.text);
    try {
      open();
      ADD_FAILURE() << bad.name << " was accepted";
    } catch (const std::runtime_error& error) {
      EXPECT_THAT(error.what(), HasSubstr(bad.problem)) << bad.name;
      EXPECT_THAT(error.what(), HasSubstr("chat.pem")) << bad.name;
    }
  }
}

TEST_F(ServedCertificateTest, FindsTheKeyInAFileBesideIt) {
  const Certificate certificate = issue();
  put(certificate.pem);
  std::ofstream(file_.string() + ".key") << certificate.key_pem;
  auto served = open();
  start_proxy(served);
  EXPECT_TRUE(shows(certificate.pem));
}

TEST_F(ServedCertificateTest, ItsCopyIsPrivate) {
  put(good());
  const auto served = open();
  struct stat status {};
  ASSERT_EQ(::stat(served.copy().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
}

TEST_F(ServedCertificateTest, WarnsOnceAtEachTimeBeforeItsEnd) {
  put(good());  // for 90 days
  auto served = open();
  const auto warning = [&](hours after) { return served.warning(kDayOfCheck + after).value_or(""); };
  EXPECT_EQ(warning(68 * kOneDay), "");
  EXPECT_THAT(warning(69 * kOneDay), HasSubstr("within 21 days"));
  EXPECT_EQ(warning(69 * kOneDay + hours(1)), "");
  EXPECT_EQ(warning(82 * kOneDay), "");
  EXPECT_THAT(warning(83 * kOneDay), HasSubstr("within 7 days"));
  EXPECT_EQ(warning(88 * kOneDay), "");
  EXPECT_THAT(warning(89 * kOneDay), HasSubstr("within 1 day:"));
  EXPECT_THAT(warning(90 * kOneDay), HasSubstr("ended on"));
  EXPECT_EQ(warning(91 * kOneDay), "");
}

TEST_F(ServedCertificateTest, WarnsOfTheNextCertificateToo) {
  put(good());
  auto served = open();
  EXPECT_THAT(served.warning(kDayOfCheck + 89 * kOneDay).value_or(""), HasSubstr("within 1 day"));
  start_proxy(served);
  put(file_text(issue(kDayOfCheck, kDayOfCheck + 180 * kOneDay)));
  EXPECT_EQ(refresh(served, kDayOfCheck + 89 * kOneDay), "");
  EXPECT_EQ(served.warning(kDayOfCheck + 89 * kOneDay), std::nullopt);
  EXPECT_THAT(served.warning(kDayOfCheck + 160 * kOneDay).value_or(""), HasSubstr("ends on"));
}

}  // namespace
}  // namespace duet
