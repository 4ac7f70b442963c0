// Crowds, in the short form: duet-bench measures the long one (bench/README.md).

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/support/environment.h"
#include "tests/support/test_platform.h"

namespace duet {
namespace {

using nlohmann::json;

// What the bench says; its exit status is 0 when nothing was lost, repeated or cut off.
json bench(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), program("duet-bench"));
  arguments.emplace_back("--json");
  const Finished run = run_command(arguments);
  EXPECT_EQ(run.status, 0) << run.err << run.out;
  json said = json::parse(run.out, nullptr, false);
  if (!said.is_object()) throw std::runtime_error("the bench says nothing: " + run.err);
  return said;
}

// The bounds are those of a busy machine. Mosquitto's own WebSockets would make a message twice as dear.
TEST(Crowds, IdleWebSocketsSlowNobodyDown) {
  const json said =
      bench({"idle-websockets", "--clients", "300", "--rounds", "1", "--seconds", "2", "--settle", "1"});
  EXPECT_EQ(said.at("lost"), 0);
  EXPECT_EQ(said.at("faults"), 0);
  if (!memory_is_inflated()) {
    EXPECT_LE(said.at("gateway_bytes_each"), 8192);
    EXPECT_LE(said.at("all").at("ratio").at("broker_cpu_us"), 2.5);
  }
  EXPECT_GE(said.at("all").at("with").at("messages"), 900) << "of the 1000 that were offered";
}

TEST(Crowds, ComeBackWhenTheBrokerWasKilled) {
  const json said = bench({"reconnect", "--clients", "300", "--rate", "200", "--seconds", "1"});
  EXPECT_EQ(said.at("back"), 300);
  EXPECT_EQ(said.at("refused"), 0);
  EXPECT_GT(said.at("acknowledged"), 100);
  EXPECT_EQ(said.at("missing"), 0);
  EXPECT_EQ(said.at("accepted_lost"), 0);
  EXPECT_EQ(said.at("misnumbered"), 0);
}

TEST(Crowds, ComeBackThroughTheGateway) {
  const json said =
      bench({"reconnect", "--clients", "200", "--rate", "100", "--seconds", "1", "--websocket"});
  EXPECT_EQ(said.at("back"), 200);
  EXPECT_EQ(said.at("refused"), 0);
  EXPECT_EQ(said.at("missing"), 0);
}

}  // namespace
}  // namespace duet
