// duet-auth as an operator runs it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "acl/token.h"
#include "file_io/secret_file.h"
#include "tests/support/places.h"

namespace duet {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

struct Run {
  int exit_code;
  std::string output;  // both streams
};

Run run(const std::string& arguments) {
  const std::string command = program("duet-auth") + ' ' + arguments + " 2>&1";
  FILE* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error("cannot run " + command);
  std::string output;
  for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) output += static_cast<char>(c);
  const int status = ::pclose(pipe);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, output};
}

Timestamp now() {
  return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

class DuetAuth : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "duet-auth-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    directory_ = name;
  }
  void TearDown() override { fs::remove_all(directory_); }

  std::string file(const char* name) const { return (directory_ / name).string(); }
  TokenVerifier verifier(TokenRules rules = {"duet", "duet"}) const {
    return {*JwkSet::parse(run("jwks --key " + file("key")).output), std::move(rules)};
  }

 private:
  fs::path directory_;
};

TEST_F(DuetAuth, MintsTokensThatItsKeySetVerifies) {
  for (const char* algorithm : {"ES256", "RS256", "EdDSA"}) {
    fs::remove(file("key"));
    ASSERT_EQ(run("keygen --out " + file("key") + " --alg " + algorithm).exit_code, 0);
    const auto minted = run("mint --key " + file("key") + " --user alice --device phone --ttl 60");
    ASSERT_EQ(minted.exit_code, 0) << minted.output;
    const auto token = minted.output.substr(0, minted.output.find('\n'));
    const auto claims = verifier().verify(token, now());
    ASSERT_TRUE(claims) << to_string(claims.error());
    EXPECT_EQ(claims->subject, "alice");
    EXPECT_EQ(claims->device, DeviceId::parse("phone"));
  }
}

TEST_F(DuetAuth, WritesAServiceTokenPrivately) {
  ASSERT_EQ(run("keygen --out " + file("key")).exit_code, 0);
  ASSERT_EQ(
      run("mint --key " + file("key") + " --service store --issuer i --audience a --out " + file("token"))
          .exit_code,
      0);
  struct stat status {};
  ASSERT_EQ(::stat(file("token").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0600U);
  const auto claims = verifier({"i", "a"}).verify(read_secret_line(file("token")), now());
  ASSERT_TRUE(claims) << to_string(claims.error());
  EXPECT_EQ(claims->role, Role::store);
}

TEST_F(DuetAuth, HandsAServiceTokenOverToAGroup) {
  ASSERT_EQ(run("keygen --out " + file("key")).exit_code, 0);
  const std::string mint = "mint --key " + file("key") + " --service store --group-readable";
  EXPECT_NE(run(mint).exit_code, 0);  // to the standard output: nobody's group
  ASSERT_EQ(run(mint + " --out " + file("token")).exit_code, 0);
  struct stat status {};
  ASSERT_EQ(::stat(file("token").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0640U);
}

TEST_F(DuetAuth, WritesTheKeySetForEverybody) {
  ASSERT_EQ(run("keygen --out " + file("key")).exit_code, 0);
  ASSERT_EQ(run("jwks --key " + file("key") + " --out " + file("jwks")).exit_code, 0);
  struct stat status {};
  ASSERT_EQ(::stat(file("jwks").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0644U);
}

TEST_F(DuetAuth, RefusesToOverwriteAKey) {
  ASSERT_EQ(run("keygen --out " + file("key")).exit_code, 0);
  const auto again = run("keygen --out " + file("key"));
  EXPECT_EQ(again.exit_code, 1);
  EXPECT_THAT(again.output, HasSubstr("exists"));
}

TEST_F(DuetAuth, RefusesAKeyThatIsNotPrivate) {
  ASSERT_EQ(run("keygen --out " + file("key")).exit_code, 0);
  ASSERT_EQ(::chmod(file("key").c_str(), 0644), 0);
  for (const std::string command : {"jwks --key ", "mint --user alice --key "}) {
    const auto refused = run(command + file("key"));
    EXPECT_EQ(refused.exit_code, 1);
    EXPECT_THAT(refused.output, HasSubstr("chmod 600"));
  }
}

TEST_F(DuetAuth, SaysWhatIsWrong) {
  ASSERT_EQ(run("keygen --out " + file("key")).exit_code, 0);
  const std::string mint = "mint --key " + file("key") + ' ';
  const std::vector<std::pair<std::string, std::string>> cases{
      {"", "subcommand"},
      {"nonsense", "subcommand"},
      {"keygen", "--out"},
      {"keygen --alg HS256 --out " + file("other"), "--alg"},
      {"keygen --out " + file("nowhere/key"), "nowhere"},
      {"jwks --key " + file("missing"), "missing"},
      {mint, "--user or --service"},
      {mint + "--user a/b", "--user"},
      {mint + "--user alice --service store", "--user"},
      {mint + "--service chat", "--service"},
      {mint + "--service store --device d", "--user"},
      {mint + "--user alice --ttl 0", "--ttl"},
      {mint + "--user alice --ttl x", "--ttl"},
      {mint + "--user alice --frob", "--frob"},
  };
  for (const auto& [arguments, word] : cases) {
    const auto result = run(arguments);
    EXPECT_EQ(result.exit_code, 1) << arguments << '\n' << result.output;
    EXPECT_THAT(result.output, HasSubstr(word)) << arguments;
  }
  EXPECT_EQ(run("--help").exit_code, 0);
}

}  // namespace
}  // namespace duet
