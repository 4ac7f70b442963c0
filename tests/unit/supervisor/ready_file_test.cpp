#include "supervisor/ready_file.h"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/unit/temporary_directory.h"

namespace duet {
namespace {

TEST(ReadyFile, HasTheDocumentedShape) {
  EXPECT_EQ(
      format_ready({.ports = {1883, 8083, 8080}, .supervisor = 7, .pids = {{"store", 9}, {"broker", 8}}}),
      "{\"mqtt\":\"mqtt://127.0.0.1:1883\",\"ws\":\"ws://127.0.0.1:8083/mqtt\",\"http\":\"http://"
      "127.0.0.1:8080\","
      "\"ready\":true,\"reasons\":[],\"processes\":{},"
      "\"supervisor\":7,\"pids\":{\"broker\":8,\"store\":9}}\n");
}

TEST(ReadyFile, SaysOfEachProcessWhetherItIsReady) {
  const PartReports parts{{"broker", {}},
                          {"store", {.live = true, .ready = false, .reasons = {"disk full (for 12 s)"}}}};
  const std::string text = format_ready({.ports = {},
                                         .health = verdict_of(parts, std::nullopt),
                                         .parts = parts,
                                         .supervisor = 7,
                                         .pids = {{"store", 9}}});
  // Without times, which would be others each second.
  EXPECT_NE(text.find(R"("ready":false,"reasons":["store: disk full"],"processes":{)"
                      R"("broker":{"ready":true,"live":true,"reasons":[]},)"
                      R"("store":{"ready":false,"live":true,"reasons":["disk full"]}})"),
            std::string::npos)
      << text;
  // README's tour takes the last "store": of the line for the process id.
  EXPECT_EQ(text.substr(text.rfind(R"("store":)")), "\"store\":9}}\n");
}

TEST(ReadyFile, ReplacesTheFileAndItsContent) {
  const TemporaryDirectory directory;
  const auto file = directory.path() / "ready.json";
  write_ready(file, "{\"a\":1}\n");
  write_ready(file, "{}\n");
  std::string text;
  std::getline(std::ifstream(file), text, '\0');
  EXPECT_EQ(text, "{}\n");
}

TEST(ReadyFile, NamesTheFrontDoor) {
  const TlsAddresses tls{
      .mqtts = "mqtts://h:1", .wss = "wss://h:2/mqtt", .https = "https://h:2", .ca = "/ca.pem"};
  EXPECT_NE(
      format_ready({.ports = {}, .tls = tls, .supervisor = 7, .pids = {}})
          .find(
              R"("tls":{"mqtts":"mqtts://h:1","wss":"wss://h:2/mqtt","https":"https://h:2","ca":"/ca.pem"})"),
      std::string::npos);
}

TEST(ReadyFile, SaysThatThereAreNoAccounts) {
  EXPECT_NE(
      format_ready({.ports = {1, 2, 3}, .http = false, .supervisor = 7, .pids = {}}).find("\"http\":null"),
      std::string::npos);
}

}  // namespace
}  // namespace duet
