// The `duet` command, as people and scripts use it.

#include <gmock/gmock.h>

#include <csignal>
#include <sstream>

#include "acl/token.h"
#include "file_io/secret_file.h"
#include "tests/support/platform_test.h"

namespace duet {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class Cli : public SharedPlatformTest<Cli> {
 protected:
  static std::vector<std::string> command(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {program("duet"), "--data", platform().data_dir().string()});
    return arguments;
  }
  static Finished duet(const std::vector<std::string>& arguments, const std::string& input = "") {
    return run_command(command(arguments), input);
  }
  // Standard output of a command that succeeds, as JSON lines.
  static std::vector<json> json_lines(std::vector<std::string> arguments) {
    arguments.emplace_back("--json");
    const Finished finished = duet(arguments);
    EXPECT_EQ(finished.status, 0) << finished.err;
    std::vector<json> lines;
    std::istringstream out(finished.out);
    for (std::string line; std::getline(out, line);) {
      lines.push_back(json::parse(line, nullptr, false));
      EXPECT_TRUE(lines.back().is_object()) << line;
    }
    return lines;
  }

  const std::string alice_ = fresh_user("alice");
  const std::string bob_ = fresh_user("bob");
};

TEST_F(Cli, SendReturnsWhenTheMessageIsStored) {
  const Finished sent = duet({"send", bob_, "hello", "bob", "--as", alice_});
  EXPECT_EQ(sent.status, 0) << sent.err;
  TestDevice phone(platform(), alice_);
  phone.go_online();
  const auto history = phone.history(bob_);
  ASSERT_THAT(history, SizeIs(1));
  EXPECT_EQ(history[0].body, "hello bob");
}

TEST_F(Cli, SendReadsStandardInputAndTakesAnId) {
  const std::string text = "two\nlines, ä € 😀\n";
  for (int i = 0; i < 2; ++i) {  // the same id twice: one message
    EXPECT_EQ(
        duet({"send", bob_, "-", "--id", "my-id", "--type", "text/markdown", "--as", alice_}, text).status,
        0);
  }
  TestDevice phone(platform(), alice_);
  phone.go_online();
  const auto history = phone.history(bob_);
  ASSERT_THAT(history, SizeIs(1));
  EXPECT_EQ(history[0].id.str(), "my-id");
  EXPECT_EQ(history[0].type, "text/markdown");
  EXPECT_THAT(history[0].body, HasSubstr("two\nlines, ä € 😀"));
}

TEST_F(Cli, ProbeReportsEachStep) {
  // The supervisor's word about all processes may be a second old.
  json result;
  EXPECT_TRUE(eventually([&] {
    const Finished finished = duet({"probe", "--json"});
    result = json::parse(finished.out, nullptr, false);
    return finished.status == 0;
  })) << result;
  std::vector<std::string> steps;
  for (const auto& step : result.at("steps")) {
    EXPECT_TRUE(step.at("ok").get<bool>()) << step;
    steps.push_back(step.at("step"));
  }
  EXPECT_EQ(steps,
            (std::vector<std::string>{"connect", "acknowledge", "store", "deliver", "history", "platform"}));
  // Each probe is one message more of one conversation, and names no device of its own.
  TestDevice reader(platform(), "duet-probe-b");
  reader.go_online();
  EXPECT_EQ(reader.history("duet-probe-a").back().body, "canary");
}

TEST_F(Cli, ProbeComesFromElsewhereWithTwoTokens) {
  const std::string url = "mqtt://127.0.0.1:" + std::to_string(platform().mqtt_port());
  const auto token_of = [&](const std::string& user) {
    const auto file = platform().data_dir() / (user + ".probe-token");
    write_file_atomically(file, platform().tokens().chat(user), kSecretMode);
    return file.string();
  };
  const auto probe = [&](const std::string& from, const std::string& to) {
    return run_command(
        {program("duet"), "probe", "--url", url, "--token-file", from, "--peer-token-file", to});
  };
  const std::string from = token_of("duet-probe-a");
  const Finished good = probe(from, token_of("duet-probe-b"));
  EXPECT_EQ(good.status, 0) << good.out << good.err;
  EXPECT_THAT(good.out, HasSubstr("history"));
  // The receiver is not who it says: the step that fails is named, with the reason.
  const Finished bad = run_command({program("duet"), "probe", "--url", url, "--token-file", from,
                                    "--peer-token-file", from, "--timeout", "2"});
  EXPECT_EQ(bad.status, 1);
  EXPECT_THAT(bad.out, HasSubstr("connect     failed: the receiver: "));
  EXPECT_EQ(probe(from, "").status, 1);
}

TEST_F(Cli, ListenPrintsWhatArrivesAndTellsTheSender) {
  ChildProcess listener(command({"listen", "--as", bob_, "--count", "2", "--json"}),
                        ChildProcess::Streams::piped, platform().data_dir() / "listen.stderr");
  const auto alice = online(alice_);
  alice->send(bob_, "one");
  alice->send(bob_, "two");
  alice->wait_receipt(bob_, bob_, 2, 0);
  std::vector<std::string> bodies;
  while (const auto line = listener.read_line(kPatience)) {
    const json event = json::parse(*line, nullptr, false);
    if (event.is_object() && event.contains("body")) bodies.push_back(event.at("body"));
  }
  EXPECT_EQ(bodies, (std::vector<std::string>{"one", "two"}));
  EXPECT_EQ(listener.wait(), 0);
}

// What was sent while nobody listened comes first.
TEST_F(Cli, ListenCatchesUp) {
  const auto alice = online(alice_);
  alice->send(bob_, "while you were out");
  const Finished listened = duet({"listen", "--as", bob_, "--count", "1"});
  EXPECT_EQ(listened.status, 0);
  EXPECT_THAT(listened.out, HasSubstr("while you were out"));
  EXPECT_THAT(listened.out, HasSubstr(alice_));
}

TEST_F(Cli, HistoryAndConversationsForPeopleAndForPrograms) {
  const auto alice = online(alice_);
  const auto bob = online(bob_);
  for (int i = 1; i <= 5; ++i) alice->send(bob_, "text " + std::to_string(i));
  bob->send(alice_, "answer");
  const Finished people = duet({"history", bob_, "--as", alice_});
  EXPECT_EQ(people.status, 0);
  EXPECT_THAT(people.out, HasSubstr("text 1"));
  EXPECT_THAT(people.out, HasSubstr("answer"));

  const auto lines = json_lines({"history", bob_, "--as", alice_, "--limit", "2"});
  ASSERT_THAT(lines, SizeIs(2));
  EXPECT_EQ(lines[0].at("seq"), 5);
  EXPECT_EQ(lines[1].at("body"), "answer");
  EXPECT_EQ(json_lines({"history", bob_, "--as", alice_, "--before", "3"}).size(), 2U);
  EXPECT_EQ(json_lines({"history", bob_, "--as", alice_, "--after", "5"}).size(), 1U);

  const auto conversations = json_lines({"conversations", "--as", alice_});
  ASSERT_THAT(conversations, SizeIs(1));
  EXPECT_EQ(conversations[0].at("peer"), bob_);
  EXPECT_THAT(duet({"conversations", "--as", alice_}).out, HasSubstr(bob_));
}

TEST_F(Cli, TokenOpensAConnectionForItsUserAndDevice) {
  const Finished printed = duet({"token", alice_, "--device", "bot", "--ttl", "60"});
  ASSERT_EQ(printed.status, 0) << printed.err;
  std::string token = printed.out;
  ASSERT_TRUE(token.ends_with('\n'));
  token.pop_back();
  TestDevice bot(platform(), alice_, "bot");
  bot.spec().password = token;
  EXPECT_EQ(bot.connect(), kSuccess);
  TestDevice other(platform(), alice_, "other");
  other.spec().password = token;
  EXPECT_EQ(other.connect(), kNotAuthorized);

  const auto keys = JwkSet::parse(platform().tokens().jwk_set());
  const auto now = std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
  const auto claims = TokenVerifier(*keys, {.issuer = "duet", .audience = "duet"}).verify(token, now);
  ASSERT_TRUE(claims);
  EXPECT_LE(claims->expires_at, now + std::chrono::seconds(61));
}

// Not sent is kept, and sent by the next command that connects.
TEST_F(Cli, AMessageThatCannotBeSentStaysInTheOutbox) {
  TestPlatform own;
  const auto duet_on_own = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {program("duet"), "--data", own.data_dir().string()});
    return run_command(arguments);
  };
  own.kill(Service::store, SIGSTOP);
  const Finished unsent = duet_on_own({"send", "bob", "patience", "--as", "alice", "--timeout", "1"});
  EXPECT_NE(unsent.status, 0);
  EXPECT_THAT(unsent.err, HasSubstr("outbox"));
  own.kill(Service::store, SIGCONT);
  EXPECT_EQ(duet_on_own({"send", "bob", "at last", "--as", "alice"}).status, 0);
  TestDevice phone(own, "alice");
  phone.go_online();
  phone.await_store();
  const auto history = phone.history("bob");
  ASSERT_THAT(history, SizeIs(2));
  EXPECT_EQ(history[0].body, "patience");
  EXPECT_EQ(history[1].body, "at last");
}

TEST_F(Cli, MistakesAreToldInOneLineWithAnExitStatus) {
  const std::vector<std::vector<std::string>> mistakes{
      {},
      {"frobnicate"},
      {"send", bob_, "no sender"},
      {"send", "b ob", "hello", "--as", alice_},
      {"send", alice_, "to myself", "--as", alice_},
      {"history", bob_, "--as", alice_, "--limit", "many"},
      {"token", "not a user"},
  };
  for (const auto& arguments : mistakes) {
    const Finished finished = duet(arguments);
    EXPECT_EQ(finished.status, 1) << testing::PrintToString(arguments);
    EXPECT_THAT(finished.err, testing::Not(IsEmpty()));
    EXPECT_THAT(finished.out, IsEmpty());
  }
  const Finished nowhere =
      run_command({program("duet"), "--data", "/nonexistent", "history", "bob", "--as", "alice"});
  EXPECT_EQ(nowhere.status, 1);
  EXPECT_THAT(nowhere.err, HasSubstr("/nonexistent"));
  EXPECT_EQ(duet({"--help"}).status, 0);
}

// A chat of two terminals, with pipes for keyboards.
TEST_F(Cli, ChatShowsWhatTheOtherSays) {
  ChildProcess alice(command({"chat", bob_, "--as", alice_}), ChildProcess::Streams::piped,
                     platform().data_dir() / "alice.stderr");
  ChildProcess bob(command({"chat", alice_, "--as", bob_}), ChildProcess::Streams::piped,
                   platform().data_dir() / "bob.stderr");
  const auto reads = [](ChildProcess& chat, const std::string& text) {
    while (const auto line = chat.read_line(kPatience)) {
      if (line->find(text) != std::string::npos) return true;
    }
    return false;
  };
  alice.write_line("hello bob");
  EXPECT_TRUE(reads(bob, "hello bob"));
  bob.write_line("hello alice");
  EXPECT_TRUE(reads(alice, "hello alice"));
  alice.write_line("/quit");
  EXPECT_EQ(alice.wait(), 0);
  bob.close_stdin();  // Ctrl-D
  EXPECT_EQ(bob.wait(), 0);
}

}  // namespace
}  // namespace duet
