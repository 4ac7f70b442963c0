#include "store_service/names_job.h"

#include <chrono>
#include <memory>
#include <utility>

#include "protocol/topic.h"

namespace duet {
namespace {

NamesAnswer note(WriteTransaction& transaction, const NamesAsk& ask) {
  const auto now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  NamesAnswer answer{ask.req, 0, std::nullopt};
  transaction.tidy_claims(now);
  if (ask.claim) answer.free = transaction.claim_name(*ask.claim, now);
  for (const auto& user : ask.add) transaction.note_account(user);
  answer.through = transaction.accounts_through();
  // Accounts before `after` that were not told would be passed over for good.
  if (ask.range && ask.range->after <= answer.through && ask.range->through > answer.through) {
    transaction.set_accounts_through(ask.range->through);
    answer.through = ask.range->through;
  }
  return answer;
}

}  // namespace

WriteJob names_job(NamesAsk ask, Publisher& publisher) {
  const auto answer = std::make_shared<NamesAnswer>();  // the writer's thread alone uses it
  WriteJob job;
  job.apply = [answer, ask = std::move(ask)](WriteTransaction& transaction) {
    *answer = note(transaction, ask);
  };
  job.on_committed = [answer, &publisher] {
    publisher.publish(
        {format_topic(ServiceTopic{"store", ServiceKind::names}), format_names_answer(*answer)});
  };
  job.on_failed = [] {};
  return job;
}

}  // namespace duet
