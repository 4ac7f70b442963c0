// The command's parts that need no platform: command line, line editor, rendering.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <variant>
#include <vector>

#include "client/cli/line_editor.h"
#include "client/cli/options.h"
#include "client/cli/refused_token.h"
#include "client/cli/render.h"

namespace duet {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::variant<CliOptions, int> parse(std::vector<const char*> words) {
  words.insert(words.begin(), "duet");
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  auto parsed = parse_command_line(static_cast<int>(words.size()), words.data());
  ::testing::internal::GetCapturedStdout();
  ::testing::internal::GetCapturedStderr();
  return parsed;
}

CliOptions parsed(const std::vector<const char*>& words) {
  auto result = parse(words);
  const auto* options = std::get_if<CliOptions>(&result);
  EXPECT_NE(options, nullptr) << ::testing::PrintToString(words);
  return options == nullptr ? CliOptions{} : *options;
}

// The exit status without anything to do.
int refused(const std::vector<const char*>& words) {
  const auto result = parse(words);
  const auto* status = std::get_if<int>(&result);
  return status == nullptr ? -1 : *status;
}

TEST(ParseCommandLine, CommonOptionsStandBeforeOrAfterTheCommand) {
  for (const auto& words : std::vector<std::vector<const char*>>{
           {"--data", "d", "--as", "alice", "--device", "phone", "--json", "send", "bob", "hi"},
           {"send", "--data", "d", "--as", "alice", "bob", "hi", "--device", "phone", "--json"},
           {"--as", "alice", "send", "bob", "--json", "hi", "--device", "phone", "--data", "d"}}) {
    const auto options = parsed(words);
    EXPECT_EQ(options.command, Command::send);
    EXPECT_EQ(options.data, "d");
    EXPECT_EQ(options.as, UserId::parse("alice"));
    EXPECT_EQ(options.device, DeviceId::parse("phone"));
    EXPECT_EQ(options.peer, UserId::parse("bob"));
    EXPECT_EQ(options.text, "hi");
    EXPECT_TRUE(options.json);
  }
}

TEST(ParseCommandLine, HasDefaults) {
  const auto options = parsed({"listen", "--as", "alice"});
  EXPECT_EQ(options.data, "var");
  EXPECT_EQ(options.device, std::nullopt);
  EXPECT_EQ(options.count, std::nullopt);
  EXPECT_EQ(options.timeout, std::nullopt);
  EXPECT_TRUE(options.receipts);
  EXPECT_FALSE(options.json);
}

TEST(ParseCommandLine, TakesTheOptionsOfEachCommand) {
  auto options = parsed({"--as", "alice", "listen", "--count", "3", "--timeout", "7", "--no-receipts"});
  EXPECT_EQ(options.count, 3U);
  EXPECT_EQ(options.timeout, std::chrono::seconds(7));
  EXPECT_FALSE(options.receipts);
  options = parsed({"--as", "alice", "history", "bob", "--limit", "5", "--after", "0"});
  EXPECT_EQ(options.limit, 5U);
  EXPECT_EQ(options.after, 0U);
  EXPECT_EQ(options.before, std::nullopt);
  options = parsed({"--as", "alice", "send", "bob", "two", "words", "--id", "X-1", "--type", "text/html"});
  EXPECT_EQ(options.text, "two words");
  EXPECT_EQ(options.id, MessageId::parse("X-1"));
  EXPECT_EQ(options.type, "text/html");
  EXPECT_EQ(parsed({"--as", "alice", "send", "bob", "-"}).text, "-");
  EXPECT_EQ(parsed({"--as", "alice", "send", "bob", "--", "--json"}).text, "--json");
  for (const auto& [word, command] :
       std::vector<std::pair<const char*, Command>>{{"chat", Command::chat},
                                                    {"presence", Command::presence},
                                                    {"accept", Command::accept},
                                                    {"block", Command::block},
                                                    {"unblock", Command::unblock},
                                                    {"mute", Command::mute},
                                                    {"unmute", Command::unmute}}) {
    EXPECT_EQ(parsed({"--as", "alice", word, "bob"}).command, command);
  }
  EXPECT_EQ(parsed({"--as", "alice", "conversations"}).command, Command::conversations);
  EXPECT_EQ(parsed({"--as", "alice", "devices"}).command, Command::devices);
  EXPECT_EQ(parsed({"--as", "alice", "mute", "bob"}).mute_for, std::nullopt);
  EXPECT_EQ(parsed({"--as", "alice", "mute", "bob", "--for", "60"}).mute_for, std::chrono::seconds(60));
}

TEST(ParseCommandLine, TokenNamesItsUserItself) {
  for (const auto& words : std::vector<std::vector<const char*>>{
           {"token", "carol", "--device", "web", "--ttl", "60", "--data", "d"},
           {"token", "--data", "d", "carol", "--ttl", "60", "--device", "web"}}) {
    const auto options = parsed(words);
    EXPECT_EQ(options.command, Command::token);
    EXPECT_EQ(options.peer, UserId::parse("carol"));
    EXPECT_EQ(options.device, DeviceId::parse("web"));
    EXPECT_EQ(options.token_life, std::chrono::seconds(60));
    EXPECT_EQ(options.data, "d");
  }
  EXPECT_EQ(parsed({"token", "carol"}).token_life, std::chrono::seconds(900));
}

TEST(ParseCommandLine, ReachesAPlatformElsewhere) {
  const auto options =
      parsed({"--url", "mqtt://h:1", "--token-file", "t", "--state", "s", "--as", "a", "devices"});
  EXPECT_EQ(options.url, "mqtt://h:1");
  EXPECT_EQ(options.token_file, "t");
  EXPECT_EQ(options.state, "s");
  ::setenv("DUET_TOKEN_FILE", "from-env", 1);
  EXPECT_EQ(parsed({"--url", "mqtt://h:1", "--state", "s", "--as", "a", "devices"}).token_file, "from-env");
  ::unsetenv("DUET_TOKEN_FILE");
}

TEST(ParseCommandLine, RefusesWhatMakesNoSense) {
  for (const auto& words : std::vector<std::vector<const char*>>{
           {},
           {"sing", "--as", "alice"},
           {"--as", "alice", "--volume", "11", "devices"},
           {"send", "bob", "hi"},
           {"--as", "alice", "send", "bob"},
           {"--as", "al/ice", "devices"},
           {"--as", "alice", "send", "b#b", "hi"},
           {"--as", "alice", "--device", "a:b", "devices"},
           {"--as", "alice", "send", "bob", "hi", "--id", "a b"},
           {"--as", "alice", "listen", "--count", "0"},
           {"--as", "alice", "listen", "--timeout", "soon"},
           {"--as", "alice", "history", "bob", "--before", "3", "--after", "1"},
           {"token", "carol", "--ttl", "0"},
           {"token"},
           {"--url", "mqtt://h:1", "--as", "alice", "devices"},
           {"--url", "mqtt://h:1", "--token-file", "t", "--as", "alice", "devices"},
           {"--url", "mqtt://h:1", "--data", "d", "--token-file", "t", "--state", "s", "--as", "a",
            "devices"},
           {"--state", "s", "--as", "alice", "devices"}}) {
    EXPECT_EQ(refused(words), EXIT_FAILURE) << ::testing::PrintToString(words);
  }
}

TEST(ParseCommandLine, HelpIsNoFailure) {
  EXPECT_EQ(refused({"--help"}), EXIT_SUCCESS);
  EXPECT_EQ(refused({"send", "--help"}), EXIT_SUCCESS);
}

TEST(LineEditor, TakesAPipeAsItIs) {
  LineEditor editor(LineEditor::Source::pipe);
  EXPECT_THAT(editor.feed("one\ntwo\r\n\nthr"), ElementsAre("one", "two", ""));
  EXPECT_THAT(editor.feed("e\x7f\x04"), IsEmpty());
  EXPECT_FALSE(editor.ended());
  EXPECT_EQ(editor.take_rest(), "thre\x7f\x04");
}

TEST(LineEditor, EditsLikeAShell) {
  struct Row {
    const char* keys;
    const char* text;
  };
  for (const auto& [keys, text] : std::vector<Row>{{"abc\x7f", "ab"},
                                                   {"\x7f", ""},
                                                   {"gr\xC3\xBC\x7f", "gr"},
                                                   {"one two \x17", "one "},
                                                   {"one two\x15", ""},
                                                   {"a\x1b[Db\x1b[1;5Cc", "abc"},
                                                   {"a\x1bOPb", "ab"},
                                                   {"a\x01\x02z", "az"},
                                                   {"a\x04", "a"}}) {
    LineEditor editor(LineEditor::Source::keyboard);
    EXPECT_THAT(editor.feed(keys), IsEmpty());
    EXPECT_EQ(editor.text(), text) << ::testing::PrintToString(keys);
    EXPECT_FALSE(editor.ended());
  }
}

TEST(LineEditor, ControlDOnAnEmptyLineEnds) {
  LineEditor editor(LineEditor::Source::keyboard);
  EXPECT_THAT(editor.feed("x\r\x04"), ElementsAre("x"));
  EXPECT_TRUE(editor.ended());
}

TEST(LineEditor, ShowsTheEndOfALongLineInWholeCharacters) {
  LineEditor editor(LineEditor::Source::keyboard);
  editor.feed(
      "gr\xC3\xBC\xC3\x9F"
      "e");
  EXPECT_EQ(editor.tail(2),
            "\xC3\x9F"
            "e");
  EXPECT_EQ(editor.tail(99), editor.text());
}

TEST(LineEditor, CutsALineThatNoMessageCanBe) {
  LineEditor editor(LineEditor::Source::pipe);
  editor.feed(std::string(LineEditor::kMaxBytes + 10, 'x'));
  EXPECT_EQ(editor.text().size(), LineEditor::kMaxBytes);
}

TEST(Clean, LeavesNothingThatMovesTheCursor) {
  EXPECT_EQ(clean("gr\xC3\xBC\xC3\x9F"
                  "e"),
            "gr\xC3\xBC\xC3\x9F"
            "e");
  EXPECT_EQ(clean("a\x1b[2Jb"), "a\xEF\xBF\xBD[2Jb");
  EXPECT_EQ(clean("a\rb\x7f"),
            "a\xEF\xBF\xBD"
            "b\xEF\xBF\xBD");
  EXPECT_EQ(clean("a\xC2\x9B"
                  "b"),
            "a\xEF\xBF\xBD"
            "b")
      << "C1 controls too";
  EXPECT_EQ(clean("a\xC2\xA0"
                  "b"),
            "a\xC2\xA0"
            "b");
  EXPECT_EQ(clean("one\ntwo\t3"), "one\n    two 3");
}

TEST(Renderer, PrintsPeopleAndMachines) {
  const auto alice = UserId::parse("alice").value();
  const auto bob = UserId::parse("bob").value();
  const Envelope envelope{.seq = 4,
                          .id = MessageId::parse("m4").value(),
                          .from = bob,
                          .to = alice,
                          .ts = Timestamp(std::chrono::milliseconds(1000)),
                          .type = "text/plain",
                          .body = "hi \x1b[1m",
                          .cursor = "c"};
  const Renderer people(alice, false);
  EXPECT_THAT(people.message(envelope, "msg"), HasSubstr("#4  bob: hi \xEF\xBF\xBD[1m"));
  auto picture = envelope;
  picture.type = "image/png";
  EXPECT_THAT(people.message(picture, "msg"), HasSubstr("(image/png, 7 bytes)"));
  EXPECT_EQ(people.receipt(bob, {.by = bob, .delivered = 4, .read = 4, .cursor = {}}),
            "  bob has read up to #4");

  const auto event = nlohmann::json::parse(Renderer(alice, true).message(envelope, "msg"));
  EXPECT_EQ(event.at("event"), "msg");
  EXPECT_EQ(event.at("body"), envelope.body);
  EXPECT_EQ(event.at("seq"), 4);
}

TEST(Renderer, PrintsWhatWaitsForConsent) {
  const Renderer people(UserId::parse("alice").value(), false);
  EXPECT_THAT(people.conversation({{"peer", "bob"}, {"request", true}}),
              HasSubstr("waits for you to accept"));
  EXPECT_EQ(people.conversation({{"peer", "bob"}}), "bob");
}

TEST(RefusedToken, IsTooMuchWhenOneTokenIsRefusedForTenSeconds) {
  using std::chrono::seconds;
  RefusedToken token;
  const RefusedToken::Time begin{};
  EXPECT_FALSE(token.refused("old", begin + seconds(100)));
  EXPECT_FALSE(token.refused("old", begin + seconds(109)));
  EXPECT_FALSE(token.refused("new", begin + seconds(112))) << "the file was replaced";
  EXPECT_FALSE(token.refused("new", begin + seconds(117)));
  EXPECT_TRUE(token.refused("new", begin + seconds(122)));
  EXPECT_FALSE(token.refused("new", begin + seconds(500))) << "it was good in between";
}

}  // namespace
}  // namespace duet
