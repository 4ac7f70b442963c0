#include "supervisor/ready_file.h"

#include <gtest/gtest.h>

namespace duet {
namespace {

TEST(ReadyFile, HasTheDocumentedShape) {
  EXPECT_EQ(
      format_ready({.ports = {1883, 8083, 8080}, .supervisor = 7, .pids = {{"store", 9}, {"broker", 8}}}),
      "{\"mqtt\":\"mqtt://127.0.0.1:1883\",\"ws\":\"ws://127.0.0.1:8083/mqtt\",\"http\":\"http://"
      "127.0.0.1:8080\","
      "\"supervisor\":7,\"pids\":{\"broker\":8,\"store\":9}}\n");
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
