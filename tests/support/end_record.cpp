#include "tests/support/end_record.h"

#include <utility>

#include "tests/support/chatter.h"
#include "tests/support/test_device.h"

namespace duet {
namespace {

using nlohmann::json;

MarksTold marks_of(const std::string& by, const json& marks) {
  return {by, marks.at("delivered").get<Seq>(), marks.at("read").get<Seq>()};
}

void add_marks(TestDevice& reader, const std::string& peer, UserRecord& record) {
  json parameters = {{"limit", 200}};
  for (;;) {
    const json page = reader.result("conversations", parameters);
    for (const json& conversation : page.at("conversations")) {
      if (conversation.at("peer") != peer) continue;
      record.mine = marks_of(record.user, conversation.at("mine"));
      record.theirs = marks_of(peer, conversation.at("theirs"));
      return;
    }
    if (!page.at("more").get<bool>()) return;
    parameters["before"] = page.at("cursor");
  }
}

// A receipt that no store takes goes the whole way: when its refusal has come, everything that was journaled
// before it is stored.
void settle_journal(TestDevice& reader, const std::string& peer) {
  reader.receipt(peer, "delivered", kMaxSeq - 1);
  reader.wait_error(ErrorCode::not_found, receipt_topic(reader.user(), peer));
}

}  // namespace

UserRecord end_record(const TestPlatform& platform, const std::string& user, const std::string& peer,
                      std::vector<DeviceRecord> devices) {
  TestDevice reader(platform, user, "end-reader");
  reader.go_online();
  reader.await_store();
  settle_journal(reader, peer);
  UserRecord record{
      .user = user, .devices = std::move(devices), .history = reader.history(peer), .mine = {}, .theirs = {}};
  add_marks(reader, peer, record);
  return record;
}

UserRecord record_of(const TestPlatform& platform, const Chatter& chatter) {
  return end_record(platform, chatter.user(), chatter.peer(), {chatter.record()});
}

}  // namespace duet
